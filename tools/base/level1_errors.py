"""What costs level 1 its AP50: place, background, duplicates, other classes; recall by height.

    python -m tools.base.level1_errors --limit 200
    python -m tools.base.level1_errors --source vietnam --size 576 1024

On training images, since the validation part is for reporting. Each column but the first is the
AP50 there would be without detections of that kind, after Bolya et al., "TIDE", 2020, arXiv
2008.08115; *IoU 0.3* is AP where a box may lie that badly. Two minutes on 2 idle cores. Where a
source annotates a class in part, recall alone means something.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from drivemeta.core import Detections
from drivemeta.core import score_rule as rule
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.matching import MISS, Matches, match
from drivemeta.markdown import table
from drivemeta.models.store import load_base
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.training.base.sources import NONE, SOURCES
from tools.base.level1_sweep import annotated, detections, seen

KINDS = ("badly placed", "background", "duplicate", "another class")
PLACE, BACKGROUND, DUPLICATE, OTHER = range(len(KINDS))
HIT_IOU, NEAR_IOU, LOOSE_IOU = 0.5, 0.1, 0.3
HEIGHTS = (0, 8, 12, 16, 24, 40, 80, np.inf)


@dataclass(frozen=True, eq=False)
class Errors:
    """One class over all images.

    Attributes:
        strict: Matches at IoU 0.5.
        loose: Matches at IoU 0.3.
        kinds: (n,) index into `KINDS` of each detection of `strict` that misses, -1 of others.
        heights: (m,) pixels of each box to be found.
        found: (m,) bool, whether any detection lies on it.
    """

    strict: Matches
    loose: Matches
    kinds: NDArray[np.int64]
    heights: FloatArray
    found: NDArray[np.bool_]

    def without(self, kind: int) -> float:
        """Return the AP50 there would be without misses of a kind."""
        kept = self.kinds != kind
        strict = self.strict
        fewer = Matches(
            strict.images[kept], strict.scores[kept], strict.outcomes[kept], strict.n_truth
        )
        return fewer.average_precision()


def main() -> None:
    """Run level 1 over the images and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--source", default="bdd", choices=list(SOURCES))
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--size", type=int, nargs=2, default=(384, 640), help="height, width")
    arguments = parser.parse_args()
    base = load_base()
    base.input_size = (arguments.size[0], arguments.size[1])
    truth, networks = (
        annotated(arguments.data, arguments.limit, arguments.source),
        FixedNetworks(base),
    )
    found = []
    for image in track(truth.images):
        dense = seen(base, networks, image.path)
        located = rule.locate(dense, base.bank, base.scoring, image.size, base.input_size)
        found.append(detections(located, base.bank))
    known = zip(truth.classes, SOURCES[arguments.source].coverage, strict=True)
    errors = {
        name: errors_of(truth, found, label)
        for label, (name, coverage) in enumerate(known)
        if coverage != NONE
    }
    rows = []
    for name, each in errors.items():
        values = [each.strict.average_precision(), each.loose.average_precision()]
        values += [each.without(kind) for kind in range(len(KINDS))]
        rows.append([name, *(f"{100 * value:.1f}" for value in values)])
    print("\n".join(table(["class", "AP50", f"IoU {LOOSE_IOU}", *KINDS], rows)))
    bounds = list(itertools.pairwise(HEIGHTS))
    heads = [f"{low} to {high}" if high < np.inf else f"{low} on" for low, high in bounds]
    reached = [[name, *(_recall(each, *b) for b in bounds)] for name, each in errors.items()]
    print("\n" + "\n".join(table(["recall by height, px", *heads], reached)))


def errors_of(truth: Dataset, found: Sequence[Detections], label: int) -> Errors:
    """Sort what is wrong with the detections of one class, the label of truth and model alike."""
    strict, loose, kinds, heights, reached = [], [], [], [], []
    for image, all_found in zip(truth.images, found, strict=True):
        mine = all_found[all_found.labels == label]
        own = image.boxes[(image.labels == label) & ~image.ignore]
        boxes = image.boxes[(image.labels == label) | image.ignore]
        ignore = image.ignore[(image.labels == label) | image.ignore]
        strict.append(match(mine.boxes, mine.scores, boxes, ignore, HIT_IOU))
        loose.append(match(mine.boxes, mine.scores, boxes, ignore, LOOSE_IOU))
        order = np.argsort(-mine.scores, kind="stable")[: len(strict[-1][0])]
        kinds.append(np.where(strict[-1][1] == MISS, _kinds(mine.boxes[order], own, image), -1))
        heights.append(own[:, 3] - own[:, 1])
        overlaps = iou_matrix(mine.boxes[order], own)
        reached.append((overlaps >= HIT_IOU).any(0) if len(order) else np.zeros(len(own), bool))
    n_truth = [len(each) for each in heights]
    merged = Matches.collect(strict, n_truth)
    order = np.argsort(-np.concatenate([scores for scores, _ in strict]), kind="stable")
    return Errors(
        merged,
        Matches.collect(loose, n_truth),
        np.concatenate(kinds)[order],
        np.concatenate(heights),
        np.concatenate(reached),
    )


def _kinds(boxes: FloatArray, own: FloatArray, image: AnnotatedImage) -> NDArray[np.int64]:
    """Return what would be wrong with each (n, 4) box if it missed."""
    others = image.boxes[~image.ignore]
    nearest = iou_matrix(boxes, own).max(1, initial=0)
    on_other = iou_matrix(boxes, others).max(1, initial=0) >= HIT_IOU
    kinds = np.where(on_other, OTHER, BACKGROUND)
    kinds = np.where(nearest >= NEAR_IOU, PLACE, kinds)
    return np.where(nearest >= HIT_IOU, DUPLICATE, kinds).astype(np.int64)


def _recall(errors: Errors, low: float, high: float) -> str:
    chosen = (errors.heights >= low) & (errors.heights < high)
    return f"{100 * errors.found[chosen].mean():.0f} ({chosen.sum()})" if chosen.any() else "-"


if __name__ == "__main__":
    main()
