"""One object is reported once, whatever super-classes it is found as.

Suppression within a super-class leaves a cyclist and a pedestrian on one person. Between
super-classes boxes must overlap more: people stand in front of cars. Signs and lights are rivals of
each other only where both have a name, and never of things: of two nameless ones nobody knows
which is right, and signs are fixed to vehicles and posts.

Scores of two classes are not of one scale: a rare class is found with lower ones, and would lose
every comparison.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import FLAT

CYCLIST = "cyclist"


def flat_by_label(names: tuple[str, ...], n_labels: int) -> NDArray[np.bool_]:
    """Return (n_labels,) which labels are super-classes of signs or lights.

    Args:
        names: Names of the classes known; those that come later are things.
        n_labels: Number of classes that there is room for.
    """
    flat = np.zeros(n_labels, np.bool_)
    flat[: len(names)] = [name in FLAT for name in names]
    return flat


def rival_weights(names: tuple[str, ...], n_labels: int, scoring: Scoring) -> FloatArray:
    """Return (n_labels,) float32, what the scores of each super-class count against a rival's.

    Args:
        names: Names of the classes known; those that come later count once.
        n_labels: Number of classes that there is room for.
        scoring: Constants of the model.
    """
    weights = np.ones(n_labels, np.float32)
    weights[: len(names)] = [scoring.cyclist_weight if n == CYCLIST else 1.0 for n in names]
    return weights


def stands_alone(
    boxes: FloatArray,
    scores: FloatArray,
    labels: NDArray[np.int64],
    roots: NDArray[np.int64],
    flat: NDArray[np.bool_],
    iou_threshold: float,
) -> NDArray[np.bool_]:
    """Return (n,) which boxes no better one of a rival super-class stands on.

    Args:
        boxes: (n, 4) float32 xyxy of boxes that are reported.
        scores: (n,) float32, as objects of their super-classes, whatever their names, times their
            `rival_weights`.
        labels: (n,) int64 classes.
        roots: (n,) int64 super-classes.
        flat: (n_classes,) bool, see `flat_by_label`.
        iou_threshold: Overlap above which two boxes are one object.
    """
    side = side_of(labels, roots, flat)
    rivals = (side[:, None] == side[None, :]) & (side > 0)[:, None]
    rivals &= roots[:, None] != roots[None, :]
    rivals &= iou_matrix(boxes, boxes) > iou_threshold
    keep = np.ones(len(boxes), np.bool_)
    order = np.argsort(-scores, kind="stable")
    for place, best in enumerate(order):
        if keep[best]:
            keep[order[place + 1 :]] &= ~rivals[best, order[place + 1 :]]
    return keep


def side_of(
    labels: NDArray[np.int64], roots: NDArray[np.int64], flat: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return (n,) the side of each box: 1 of things, 2 of signs and lights with a name, else 0.

    Rivals are of one side, but of none that is 0. Arguments are those of `stands_alone`.
    """
    return np.where(flat[roots], np.where(labels == roots, 0, 2), 1)
