"""What the boxes of a frame have to do with one another, asked of many frames at once.

`core.score_rule` and `core.one_object` have these rules for one frame. Whoever scores what is kept
of thousands of frames does so in one go.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.core.one_object import stands_alone
from drivemeta.core.score_rule import QUOTA_BONUS


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
    told: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return (n,) which boxes stand alone: `one_object.stands_alone` over many frames.

    Args:
        frames: (n,) int64, in order.
        boxes: (n, 4) float32 xyxy.
        scores: (n,) float32, as objects of their super-classes, whatever their names.
        labels: (n,) int64 classes.
        roots: (n,) int64 super-classes.
        flat: (n_classes,) bool, see `one_object.flat_by_label`.
        iou_threshold: Overlap above which two boxes are one object.
        told: (n,) bool, as of `stands_alone`.
    """
    alone = np.ones(len(frames), np.bool_)
    if iou_threshold >= 1:
        return alone
    for frame in _crowded(frames, boxes, roots, iou_threshold):
        begin, end = np.searchsorted(frames, [frame, frame + 1])
        mine = slice(begin, end)
        seen = boxes[mine], scores[mine], labels[mine], roots[mine]
        indeed = None if told is None else told[mine]
        alone[mine] = stands_alone(*seen, flat, iou_threshold, indeed)
    return alone


def _crowded(
    frames: NDArray[np.int64], boxes: FloatArray, roots: NDArray[np.int64], iou_threshold: float
) -> NDArray[np.int64]:
    """Return the frames in which boxes of two super-classes overlap by more than a threshold."""
    found: list[NDArray[np.int64]] = []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    for apart in count(1):
        first = np.flatnonzero(frames[:-apart] == frames[apart:])
        if not len(first):
            break
        first = first[roots[first] != roots[first + apart]]
        a, b = boxes[first], boxes[first + apart]
        sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
        common = sides.clip(0).prod(1)
        total = areas[first] + areas[first + apart] - common
        found.append(frames[first[common > iou_threshold * total]])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
