"""Two models side by side on one data set: who finds more, and which objects only one misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.data.dataset import Dataset
from drivemeta.evaluation.bootstrap import over_images
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import truth_of
from drivemeta.evaluation.matching import Matches
from drivemeta.evaluation.operating_point import match_class

HIT_IOU = 0.5


@dataclass(frozen=True, eq=False)
class Side:
    """One of two models.

    Attributes:
        found: Detections of each image, made at the score of evaluation.
        tree: Classes of the model.
        thresholds: (n_classes,) float32, score from which it reports each class.
    """

    found: Sequence[Detections]
    tree: ClassTree
    thresholds: FloatArray


@dataclass(frozen=True)
class ClassDuel:
    """How two models do on one class.

    Attributes:
        name: Name of the class.
        n_boxes: Boxes to be found.
        ap50: AP50 of the first and of the second.
        difference: How much higher that of the first is, with its paired 95 % interval over images.
        only_missed: Boxes that the first alone misses at its threshold, and the second alone.
    """

    name: str
    n_boxes: int
    ap50: tuple[float, float]
    difference: tuple[float, float, float]
    only_missed: tuple[int, int]


@dataclass(frozen=True, eq=False)
class OnlyMiss:
    """A box that one of two models misses and the other finds.

    Attributes:
        path: Image.
        box: (4,) float32 xyxy.
        name: Class.
        by_first: Whether it is the first that misses it.
    """

    path: Path
    box: FloatArray
    name: str
    by_first: bool


def compare(
    truth: Dataset, first: Side, second: Side, n_rounds: int = 1000, seed: int = 0
) -> tuple[tuple[ClassDuel, ...], tuple[OnlyMiss, ...]]:
    """Return how two models do on each class of a data set, and the boxes that only one misses.

    Args:
        truth: Annotated images, whose classes both models have.
        first: One model.
        second: The other.
        n_rounds: Rounds of the bootstrap over images, the same images for both.
        seed: Its seed.
    """
    duels, misses = [], []
    for name in truth.classes:
        pair = tuple(match_class(truth, side.found, side.tree, name) for side in (first, second))
        only = _only_missed(truth, first, second, name)
        duels.append(
            ClassDuel(
                name,
                int(pair[0].n_truth.sum()),
                (pair[0].average_precision(), pair[1].average_precision()),
                _difference((pair[0], pair[1]), n_rounds, seed),
                (sum(miss.by_first for miss in only), sum(not miss.by_first for miss in only)),
            )
        )
        misses += only
    return tuple(duels), tuple(misses)


def _difference(
    pair: tuple[Matches, Matches], n_rounds: int, seed: int
) -> tuple[float, float, float]:
    """Return the difference of AP50 and its 95 % interval; NaN where nothing is to be found."""

    def of(weights: NDArray[np.float64] | None) -> float:
        return pair[0].average_precision(weights) - pair[1].average_precision(weights)

    return of(None), *over_images(of, len(pair[0].n_truth), n_rounds, seed)


def _only_missed(truth: Dataset, first: Side, second: Side, name: str) -> list[OnlyMiss]:
    missed = []
    for i, image in enumerate(truth.images):
        boxes, ignore = truth_of(image, truth, first.tree, name)
        wanted = boxes[~ignore]
        one, other = (_reported(side, i, wanted, name) for side in (first, second))
        for box, by_first in zip(wanted[one != other], other[one != other], strict=True):
            missed.append(OnlyMiss(image.path, box, name, bool(by_first)))
    return missed


def _reported(side: Side, image: int, boxes: FloatArray, name: str) -> NDArray[np.bool_]:
    """Return (n,) which boxes a model reports as a class or one below it, at its thresholds."""
    found = side.found[image]
    chosen = np.isin(found.labels, side.tree.below(name))
    chosen &= found.scores >= side.thresholds[found.labels]
    overlaps = iou_matrix(boxes, found.boxes[chosen])
    return np.asarray(overlaps.max(1, initial=0) >= HIT_IOU)
