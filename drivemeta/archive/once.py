"""One object is reported once, over many frames: `core.one_object` where boxes overlap."""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.rows import BoxRows
from drivemeta.core.boxes import FloatArray
from drivemeta.core.one_object import stands_alone


def told_once(
    rows: BoxRows,
    as_kind: FloatArray,
    labels: NDArray[np.int64],
    roots: NDArray[np.int64],
    flat: NDArray[np.bool_],
    iou_threshold: float,
) -> NDArray[np.bool_]:
    """Return (n,) which reported boxes no better one of a rival super-class stands on.

    Args:
        rows: The n reported boxes, those of a frame together.
        as_kind: (n,) float32, scores as objects of their super-classes, whatever their names.
        labels: (n,) int64 classes.
        roots: (n,) int64 super-classes.
        flat: (n_classes,) bool, see `core.one_object`.
        iou_threshold: Overlap above which two boxes are one object.
    """
    frames, boxes, alone = rows.frames, rows.boxes, np.ones(len(rows), np.bool_)
    if iou_threshold >= 1:
        return alone
    for frame in _crowded(frames, boxes, roots, iou_threshold):
        begin, end = np.searchsorted(frames, [frame, frame + 1])
        mine = slice(begin, end)
        seen = boxes[mine], as_kind[mine], labels[mine], roots[mine]
        alone[mine] = stands_alone(*seen, flat, iou_threshold)
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
