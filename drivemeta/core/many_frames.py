"""What the boxes of a frame have to do with one another, asked of many frames at once.

`core.score_rule` and `core.one_object` have these rules for one frame. Whoever scores what is kept
of thousands of frames does so in one go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, iou
from drivemeta.core.one_object import side_of
from drivemeta.core.score_rule import QUOTA_BONUS

SLACK = 1e-3  # of an overlap, for rounding


def crops_by_frame(
    frames: NDArray[np.int64],
    scores: FloatArray,
    roots: NDArray[np.int64],
    owning: NDArray[np.bool_],
    at_most: int,
) -> NDArray[np.bool_]:
    """Return (n,) which boxes level 2 runs on: `score_rule.choose_crops` over many frames.

    Args:
        frames: (n,) int64, in order; the boxes of a frame are all there, best first.
        scores: (n,) float32 of level 1.
        roots: (n,) int64 super-classes.
        owning: (n_classes,) bool, super-classes that own rows of level 2 and count.
        at_most: Greatest number of boxes of a frame.
    """
    eligible = owning[roots]
    some = np.flatnonzero(eligible)
    if not len(some):
        return eligible
    frames = frames[some]
    crowded = np.bincount(frames - frames[0])[frames - frames[0]] > at_most
    if not crowded.any():
        return eligible
    some, frames = some[crowded], frames[crowded]
    quota = at_most // int(owning.sum())
    within = _numbers(frames * len(owning) + roots[some])
    priority = scores[some] + QUOTA_BONUS * (within < quota)
    order = np.lexsort((-priority, frames))  # stable
    numbers = np.empty(len(some), np.int64)
    numbers[order] = _numbers(frames[order])
    eligible[some[numbers >= at_most]] = False
    return eligible


def _numbers(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each value how many equal ones stand before it.

    >>> _numbers(np.array([3, 3, 5, 3])).tolist()
    [0, 1, 0, 2]
    """
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    first = np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    numbers = np.empty(len(groups), np.int64)
    numbers[order] = np.arange(len(groups)) - first
    return numbers


def alone_by_frame(  # noqa: PLR0913  (as of `stands_alone`)
    frames: NDArray[np.int64],
    boxes: FloatArray,
    scores: FloatArray,
    labels: NDArray[np.int64],
    roots: NDArray[np.int64],
    flat: NDArray[np.bool_],
    iou_threshold: float,
) -> NDArray[np.bool_]:
    """Return (n,) which boxes stand alone: `one_object.stands_alone` over many frames.

    Args:
        frames: (n,) int64, in order.
        boxes: (n, 4) float32 xyxy.
        scores: (n,) float32, as of `stands_alone`.
        labels: (n,) int64 classes.
        roots: (n,) int64 super-classes.
        flat: (n_classes,) bool, see `one_object.flat_by_label`.
        iou_threshold: Overlap above which two boxes are one object.
    """
    pairs = crowded_pairs(frames, boxes, roots, iou_threshold)
    return alone_of_pairs(pairs, scores, labels, roots, flat, np.ones(len(frames), np.bool_))


def crowded_pairs(
    frames: NDArray[np.int64], boxes: FloatArray, roots: NDArray[np.int64], iou_threshold: float
) -> NDArray[np.int64]:
    """Return (n_pairs, 2) int64, the boxes of a frame and of two super-classes that overlap so.

    That is all that `alone_of_pairs` needs to know of places, for whoever asks it again and again.
    The box of a lower index stands first.

    Args:
        frames: (n,) int64, in order.
        boxes: (n, 4) float32 xyxy.
        roots: (n,) int64 super-classes.
        iou_threshold: Overlap above which two boxes are one object.
    """
    if not len(boxes) or iou_threshold >= 1:
        return np.zeros((0, 2), np.int64)
    left, right = boxes[:, 0].astype(np.float64), boxes[:, 2].astype(np.float64)
    # What overlaps a box so and begins to the right of where it does begins soon.
    last = right - (iou_threshold - SLACK) * (right - left)
    span = max(last.max(), left.max()) - left.min() + 1  # so that frames keep apart
    order = np.lexsort((left, frames))
    begins = (frames * span + left)[order]
    ends = np.searchsorted(begins, (frames * span + last)[order], side="right")
    n_after = np.maximum(ends - np.arange(len(boxes)) - 1, 0)
    at = np.repeat(np.arange(len(boxes)), n_after)
    after = at + 1 + _numbers_within(n_after)
    pairs = np.sort(np.stack([order[at], order[after]], 1), 1)
    pairs = pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]]
    crowded = iou(boxes[pairs[:, 0]], boxes[pairs[:, 1]]) > iou_threshold
    found: NDArray[np.int64] = pairs[crowded]
    return found


def _numbers_within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, ... anew for each count.

    >>> _numbers_within(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    starts = np.cumsum(counts) - counts
    within: NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(starts, counts)
    return within


def alone_of_pairs(
    pairs: NDArray[np.int64],
    scores: FloatArray,
    labels: NDArray[np.int64],
    roots: NDArray[np.int64],
    flat: NDArray[np.bool_],
    told: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return (n,) which boxes stand alone, where it is known which overlap.

    Args:
        pairs: (n_pairs, 2) int64, as `crowded_pairs` returns them.
        scores: (n,) float32, as of `alone_by_frame`.
        labels: (n,) int64 classes.
        roots: (n,) int64 super-classes.
        flat: (n_classes,) bool, see `one_object.flat_by_label`.
        told: (n,) bool, those that are reported indeed. Of others it is said whether they would
            stand alone, and they take the place of none.
    """
    sides = side_of(labels, roots, flat)
    rivals = sides[pairs[:, 0]] == sides[pairs[:, 1]]
    first, second = pairs[rivals & (sides[pairs[:, 0]] > 0)].T
    wins = scores[first] >= scores[second]
    better, worse = np.where(wins, first, second), np.where(wins, second, first)
    better, worse = better[told[better]], worse[told[better]]
    alone = np.ones(len(scores), np.bool_)
    # Once more than the longest chain of boxes, each of which takes the next one's place.
    while True:
        after = np.ones(len(scores), np.bool_)
        after[worse[alone[better]]] = False
        if (after == alone).all():
            return alone
        alone = after
