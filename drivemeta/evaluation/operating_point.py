"""How a detector does at the thresholds it is used with: precision, recall, false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drivemeta.core import Detections
from drivemeta.data.dataset import Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import truth_of
from drivemeta.evaluation.matching import HIT, MISS, Matches, match


@dataclass(frozen=True)
class OperatingPoint:
    """The counts of one class at IoU 0.5; rates are None where there is nothing to divide by.

    Attributes:
        precision: Share of the detections that hit.
        recall: Share of the boxes that are found.
        false_alarms_per_minute: Detections that miss, at the frame rate given.
        n_detections: Detections that count.
        n_boxes: Boxes to be found.
    """

    precision: float | None
    recall: float | None
    false_alarms_per_minute: float
    n_detections: int
    n_boxes: int


def match_class(
    truth: Dataset, detections: Sequence[Detections], tree: ClassTree, name: str
) -> Matches:
    """Match the detections of a class and of its leaves, over all images."""
    outcomes, n_truth = [], []
    below = tree.below(name)
    for image, found in zip(truth.images, detections, strict=True):
        boxes, ignore = truth_of(image, truth, tree, name)
        mine = found[np.isin(found.labels, below)]
        outcomes.append(match(mine.boxes, mine.scores, boxes, ignore))
        n_truth.append(int((~ignore).sum()))
    return Matches.collect(outcomes, n_truth)


def operating_points(
    truth: Dataset, detections: Sequence[Detections], tree: ClassTree, fps: float
) -> dict[str, dict[str, Any]]:
    """Return the operating point of each class of the data.

    Args:
        truth: Annotated images; their classes are classes of the model.
        detections: Detections of each image, made at the model's thresholds.
        tree: Classes of the model.
        fps: Frames a second at which images follow each other in use.
    """
    report = {}
    for name in truth.classes:
        matches = match_class(truth, detections, tree, name)
        hits = int((matches.outcomes == HIT).sum())
        misses = int((matches.outcomes == MISS).sum())
        n_boxes = int(matches.n_truth.sum())
        point = OperatingPoint(
            hits / (hits + misses) if hits + misses else None,
            hits / n_boxes if n_boxes else None,
            misses / max(len(truth), 1) * fps * 60,
            hits + misses,
            n_boxes,
        )
        report[name] = asdict(point)
    return report
