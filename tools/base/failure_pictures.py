"""The synthetic frames on which the shipped base does worst, with what it missed and made up.

    python -m tools.base.failure_pictures --write docs/images/failures.jpg

Frames of scenes that were not trained on (seeds from 9000). Red: an object that is not found at its
class's threshold. Yellow: a detection where there is no such object.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from rich.progress import track

from drivemeta.core import Detections
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers.coco import read_coco
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import truth_of
from drivemeta.files import write_bytes
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.shipped import load_model
from drivemeta.synthetic import CocoOptions, write_coco

SEED = 9000
LEAST_SIDE = 8  # pixels; smaller ones would hide each other
MISSED, MADE_UP = sv.Color.from_hex("#ff3b30"), sv.Color.from_hex("#ffe14d")
Picture = NDArray[np.uint8]
Marked = list[tuple[FloatArray, str, sv.Color]]


def main() -> None:
    """Render frames, look for the worst and write them as one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=40, help="to choose from")
    parser.add_argument("--write", type=Path, default=Path("docs/images/failures.jpg"))
    arguments = parser.parse_args()
    detector = load_model()
    tree = ClassTree.of(detector.manifest.classes)
    found: list[tuple[float, Picture]] = []
    with tempfile.TemporaryDirectory() as folder:
        options = CocoOptions(leaves=False, suffix=".png")
        truth = read_coco(write_coco(folder, arguments.frames, SEED, options))
        for image in track(truth.images, "looking"):
            picture = read_image(image.path)
            marked = failures(image, truth, detector([picture])[0], tree)
            marked = [one for one in marked if (one[0][2:] - one[0][:2]).min() >= LEAST_SIDE]
            weight = sum(float(np.sqrt((box[2:] - box[:2]).prod())) for box, _, _ in marked)
            found.append((weight, drawn(picture, marked)))
    worst = [picture for _, picture in sorted(found, key=lambda pair: -pair[0])[:4]]
    sheet = np.vstack([np.hstack(worst[:2]), np.hstack(worst[2:])])
    write_bytes(arguments.write, encoded_jpeg(sheet, 85))


def failures(
    image: AnnotatedImage, truth: Dataset, found: Detections, tree: ClassTree, iou: float = 0.5
) -> Marked:
    """Return the boxes that were missed and those that were made up, with what to say of each."""
    marked: Marked = []
    for name in truth.classes:
        boxes, ignore = truth_of(image, truth, tree, name)
        mine = found[np.isin(found.labels, tree.below(name))]
        overlaps = iou_matrix(mine.boxes, boxes)
        missed = ~ignore & (overlaps.max(0, initial=0) < iou)
        marked += [(box, f"missed {name}", MISSED) for box in boxes[missed]]
        # A loose box of something real, or of something too small to count, is not made up.
        wrong = overlaps.max(1, initial=0) < 0.1
        marked += [(box, f"no {name}", MADE_UP) for box in mine.boxes[wrong]]
    return marked


def drawn(picture: Picture, marked: Marked) -> Picture:
    """Return a copy of a BGR picture with boxes and words on it."""
    shown = picture.copy()
    for box, text, colour in marked:
        x1, y1, x2, y2 = box
        shown = sv.draw_rectangle(shown, sv.Rect(x1, y1, x2 - x1, y2 - y1), colour, 1)
        at = sv.Point(min(max(x1 + 40, 45), picture.shape[1] - 45), max(y1 - 6, 6))
        shown = sv.draw_text(shown, text, at, sv.Color.BLACK, 0.3, 1, 2, background_color=colour)
    return shown


if __name__ == "__main__":
    main()
