"""Seconds from five shots of a sign to a verified ONNX file: the section `## Adapt`.

    python -m tools.speed.adapt --write docs/benchmarks.md

Each run is a process of its own, as a user starts it. The first run of a learner stands by itself,
since it fills the cache of traced networks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from drivemeta.data.dataset import AnnotatedImage
from tools.fewshot.protocols import italy
from tools.page_section import put_section
from tools.provenance import command, machine

SIGN = "FERMARSI E DARE PRECEDENZA"
LEARNERS = ("protonet", "matching", "siamese", "maml", "anil", "metasgd", "reptile")
HEADING = "## Adapt"
WHAT = """Seconds of `drivemeta adapt` for the Italian stop sign: median of the runs, with the
least and the most. *To a verified file*: from reading the shots to the ONNX file that was compared
with torch, contact sheet and report included. *Learning* is the adaptation alone. *Process* adds
the start of Python and its imports. *First* is the first run of a learner as a process; where no
network was traced before, it takes that much longer.
"""


class Run(NamedTuple):
    """Seconds of one run."""

    to_file: float
    learning: float
    process: float


def main() -> None:
    """Measure, print the section, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--learners", nargs="+", default=list(LEARNERS))
    add("--shots", type=int, default=5)
    add("--runs", type=int, default=5)
    add("--write", type=Path, help="page whose section is written, docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        support = write_support(folder / "support.json", arguments.scenes, arguments.shots)
        images = arguments.scenes / "italy" / "images"
        lines = [
            _line(name, [_adapt(name, support, images, folder) for _ in range(arguments.runs + 1)])
            for name in arguments.learners
        ]
    made_by = f"`{command()}`; {arguments.shots} shots; {machine()}."
    head = "| learner | to a verified file | least, most | learning | process | first |"
    text = "\n".join([HEADING, "", WHAT, made_by, "", head, "|---" * 6 + "|", *lines, ""])
    print(text)
    if arguments.write:
        put_section(arguments.write, text)


def write_support(path: Path, scenes: Path, shots: int) -> Path:
    """Write the first shots of the sign in half A as a COCO file; its other boxes are ignored."""
    draw = italy(scenes, "A").draw([shots], seed=0).supports[shots]
    label = draw.classes.index(SIGN)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in draw.images:
        mine = image.labels == label
        if not (mine & ~image.ignore).any():
            continue
        images.append({
            "id": len(images) + 1, "file_name": image.path.name,
            "height": image.size[0], "width": image.size[1],
        })  # fmt: skip
        annotations += _rows(image, mine, len(images), len(annotations))
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": SIGN}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _rows(image: AnnotatedImage, mine: Any, image_id: int, n_before: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for box, ignored in zip(image.boxes[mine], image.ignore[mine], strict=True):
        x1, y1, x2, y2 = (float(side) for side in box)
        rows.append({
            "id": n_before + len(rows) + 1, "image_id": image_id, "category_id": 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
            "iscrowd": int(ignored),
        })  # fmt: skip
    return rows


def _adapt(learner: str, support: Path, images: Path, folder: Path) -> Run:
    command_line = [
        str(Path(sys.executable).with_name("drivemeta")), "adapt", str(support), "--images",
        str(images), "--learner", learner, "--out", str(folder / f"{learner}.onnx"), "--json",
    ]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command_line, check=True, capture_output=True, text=True)
    passed = time.perf_counter() - started
    told = json.loads(done.stdout)
    return Run(told["seconds"], told["adapt_seconds"], passed)


def _line(learner: str, runs: list[Run]) -> str:
    first, *others = runs
    file, learning, process = (sorted(seconds) for seconds in zip(*others, strict=True))
    return (
        f"| {learner} | {statistics.median(file):.1f} | {file[0]:.1f}, {file[-1]:.1f} | "
        f"{statistics.median(learning):.1f} | {statistics.median(process):.1f} | "
        f"{first.process:.1f} |"
    )


if __name__ == "__main__":
    main()
