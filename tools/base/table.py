"""AP50 of each super-class on the validation parts of the sources, as a Markdown table.

    python -m tools.base.table --data ../shared/data/scenes --write docs/base.md

Only classes that a source annotates completely are scored: elsewhere a hit may look like a miss.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rich.progress import track

from drivemeta import markdown
from drivemeta.core import SUPER_CLASSES
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.run import ReportingDetector, evaluate_model
from drivemeta.export.exporter import export_detector
from drivemeta.files import write_text
from drivemeta.models.store import load_base
from drivemeta.shipped import load_model
from drivemeta.training.base.sources import (
    SOURCES,
    load_source,
    to_dataset,
)
from tools.base.hog import HogPedestrians
from tools.provenance import command, machine

Report = dict[str, Any]
MEASURED = ("bdd", "kitti", "italy", "coco")
HEAD = """# The base classes: measured

AP50 in percent (boxes) of the shipped base on the validation parts of its sources, every score down
to 0.001 counted; frames are fitted into 576x1024 unless another size is named. Only classes that a
source annotates completely are scored. Fewer than 100 boxes say little.
"""


def main() -> None:
    """Read the arguments, score each source and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--model", type=Path, help="ONNX model; the shipped base if absent")
    parser.add_argument("--sources", nargs="+", default=list(MEASURED), choices=list(SOURCES))
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, help="only the first images of each source")
    parser.add_argument("--small", action="store_true", help="BDD at an input of 384x640 as well")
    parser.add_argument("--hog", action="store_true", help="OpenCV's pedestrian detector as well")
    parser.add_argument("--write", type=Path, help="page to write, docs/base.md")
    arguments = parser.parse_args()
    hog = HogPedestrians() if arguments.hog else None  # says at once where it cannot be had
    detector = load_model(arguments.model)
    tree = ClassTree.of(detector.manifest.classes)
    reports = {
        name: score_source(detector, arguments.data, name, arguments.split, arguments.limit, tree)
        for name in arguments.sources
    }
    if arguments.small:
        with tempfile.TemporaryDirectory() as folder:
            small = load_model(_at_size(Path(folder) / "small.onnx", (384, 640)))
            options = (arguments.data, "bdd", arguments.split, arguments.limit, tree)
            reports["bdd, fitted into 384x640"] = score_source(small, *options)
    if hog is not None:
        found = score_source(hog, arguments.data, "bdd", arguments.split, arguments.limit, hog.tree)
        reports["bdd, OpenCV's HOG pedestrian detector"] = found
    made_by = f"`{command()}`; {detector.provider}; {machine()}."
    page = "\n".join([HEAD, *table(reports), "", made_by]) + "\n"
    print(page)
    if arguments.write:
        write_text(arguments.write, page)
        write_text(arguments.write.with_suffix(".json"), json.dumps(reports, indent=1) + "\n")


def _at_size(path: Path, size: tuple[int, int]) -> Path:
    """Write the shipped base with another input size of level 1."""
    base = load_base()
    base.input_size = size
    export_detector(base, path)
    return path


def score_source(
    detector: ReportingDetector,
    root: Path,
    name: str,
    split: str,
    limit: int | None,
    tree: ClassTree,
) -> Report:
    """Return the report of one source over the classes that it annotates and the tree has."""
    images = load_source(root, name, split)[:limit]
    covered = [found for found in SOURCES[name].complete if found in tree.names]
    truth = to_dataset(images).map_classes({name: name for name in covered}, covered)
    bar = iter(track(range(len(images)), name, transient=True))
    return evaluate_model(detector, truth, tree, on_image=lambda: next(bar, None))


def table(reports: dict[str, Report]) -> list[str]:
    """Return the lines of the table: AP50 in percent, with the number of boxes."""
    rows = []
    for name, report in reports.items():
        cells = [name, report["images"]]
        for super_class in SUPER_CLASSES:
            score = report["classes"].get(super_class, {"ap50": None})
            known = score["ap50"] is not None
            cells.append(f"{100 * score['ap50']:.1f} ({score['n_boxes']})" if known else "-")
        rows.append(cells)
    return markdown.table(["source", "images", *SUPER_CLASSES], rows)


if __name__ == "__main__":
    main()
