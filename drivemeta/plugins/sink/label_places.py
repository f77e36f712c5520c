"""Where labels stand: none over another, the surest and largest objects first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import FloatArray

MOST_HIDDEN = 0.5  # of another object's box


def place_labels(
    found: Detections, sizes: Sequence[tuple[int, int]], frame: tuple[int, int]
) -> list[tuple[int, int] | None]:
    """Return the left top corner of each label in pixels; None for one that has no room.

    A label stands above its box, else below it, else inside; moved sideways into the frame. It lies
    on no other label, and hides no other object for the most part.

    Args:
        found: Objects of a frame.
        sizes: Width and height of each label in pixels.
        frame: Width and height of the frame in pixels.
    """
    spans = found.boxes[:, 2:] - found.boxes[:, :2]
    order = np.argsort(-found.scores * np.sqrt(spans.prod(1).clip(0)), kind="stable")
    places: list[tuple[int, int] | None] = [None] * len(found)
    taken = np.zeros((0, 4), np.float32)
    for i in order:
        others = np.delete(found.boxes, i, axis=0)
        for x, y in _candidates(found.boxes[i], sizes[i], frame):
            label = np.array([x, y, x + sizes[i][0], y + sizes[i][1]], np.float32)
            if not _common(label, taken).any() and not _hides(label, others):
                places[i], taken = (x, y), np.vstack([taken, label])
                break
    return places


def _candidates(
    box: FloatArray, size: tuple[int, int], frame: tuple[int, int]
) -> list[tuple[int, int]]:
    x1, y1, _, y2 = (int(value) for value in box)
    x = max(0, min(x1, frame[0] - size[0]))
    heights = (y1 - size[1], y2, y1)
    return [(x, y) for y in heights if 0 <= y <= frame[1] - size[1]]


def _hides(label: FloatArray, boxes: FloatArray) -> bool:
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return bool((_common(label, boxes) > MOST_HIDDEN * areas.clip(1)).any())


def _common(label: FloatArray, boxes: FloatArray) -> NDArray[np.float32]:
    """Return the area in square pixels that a rectangle has in common with each of others."""
    low, high = np.maximum(label[:2], boxes[:, :2]), np.minimum(label[2:], boxes[:, 2:])
    return np.asarray((high - low).clip(0).prod(1), np.float32)
