"""How well cyclists are found, on enough of them, and what stands in the way.

    python -m tools.base.cyclists --more runs/data [--model MODEL.onnx ...]

US roads: BDD's validation part, and the frames of `bdd-more` that `tools.base.keep_aside` marked.
German roads: KITTI's validation part, and what was marked of `kitti-more`. A cyclist is rider and
machine as one box. AP50 counts every score down to 0.001; hits and false alarms are those at the
model's own thresholds, and *as pedestrian* are cyclists on which a pedestrian is reported instead.
The interval of 95 % is a bootstrap over frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from drivemeta.core import SUPER_CLASSES, Detections
from drivemeta.core.boxes import iou_matrix
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.bootstrap import over_images
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import HIT, MISS
from drivemeta.evaluation.operating_point import match_class
from drivemeta.markdown import table
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.shipped import load_model
from drivemeta.training.base.sources import SourceImage, load_source, to_dataset

CYCLIST, PEDESTRIAN = (SUPER_CLASSES.index(name) for name in ("cyclist", "pedestrian"))
ROADS = {"US": ("bdd", "bdd-more"), "German": ("kitti", "kitti-more")}
HEADS = ("model", "roads", "class", "boxes", "AP50", "hits", "false alarms", "as pedestrian")
ALL_SCORES, HIT_IOU = 0.001, 0.5


def main() -> None:
    """Read the arguments, and print one row a model, roads and class."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--more", type=Path, required=True, help="folder of the `-more` sources")
    parser.add_argument("--model", type=Path, nargs="*", help="the shipped base if absent")
    arguments = parser.parse_args()
    rows = []
    for path in arguments.model or [None]:
        model = load_model(path)
        for roads, (known, more) in ROADS.items():
            images = load_source(arguments.data, known, "val")
            images += load_source(arguments.more, more, "val")
            name = path.stem if path else "shipped"
            rows += [[name, roads, *row] for row in judged(model, images)]
    print("\n".join(table(HEADS, rows)))


def judged(model: OnnxDetector, images: Sequence[SourceImage]) -> list[list[object]]:
    """Return the cells of each class, from its name on."""
    every, told = [], []
    for image in track(images, transient=True):
        frame = read_image(image.path)
        every += model([frame], min_score=ALL_SCORES)
        told += model([frame])
    tree = ClassTree.of(model.manifest.classes)
    return [_cells(name, images, (every, told), tree) for name in ("cyclist", "pedestrian")]


def _cells(
    name: str,
    images: Sequence[SourceImage],
    detections: tuple[Sequence[Detections], Sequence[Detections]],
    tree: ClassTree,
) -> list[object]:
    truth = to_dataset(images)
    found, used = (match_class(truth, each, tree, name) for each in detections)
    low, high = over_images(found.average_precision, len(found.n_truth))
    points = f"{100 * found.average_precision():.1f} ({100 * low:.1f} to {100 * high:.1f})"
    hits, false = (int((used.outcomes == outcome).sum()) for outcome in (HIT, MISS))
    taken = taken_for_pedestrians(images, detections[1]) if name == "cyclist" else "-"
    return [name, int(found.n_truth.sum()), points, hits, false, taken]


def taken_for_pedestrians(images: Sequence[SourceImage], told: Sequence[Detections]) -> int:
    """Return on how many cyclists a pedestrian is reported and no cyclist."""
    taken = 0
    for image, each in zip(images, told, strict=True):
        wanted = image.boxes[(image.labels == CYCLIST) & ~image.ignore]
        found = iou_matrix(wanted, each.boxes) >= HIT_IOU
        right, wrong = (found[:, each.labels == x].any(1) for x in (CYCLIST, PEDESTRIAN))
        taken += int((wrong & ~right).sum())
    return taken


if __name__ == "__main__":
    main()
