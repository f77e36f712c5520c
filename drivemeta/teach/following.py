"""Following a box through the frames that were looked at: one object, seen several times."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from drivemeta.core.boxes import iou_matrix
from drivemeta.teach.seen import Rows
from drivemeta.teach.state import Xyxy

LEAST_IOU = 0.3  # of the row that a box is followed by
LEAST_COSINE = 0.75
MOST_SHIFT = 3.5  # of the centre, in sides of the larger box
MOST_GROWTH = 2.2
MOST_MISSED, MOST_FRAMES = 1, 8  # one after the other; in each direction


def follow(
    xyxy: Xyxy,
    here: Rows,
    before: Iterable[int],
    after: Iterable[int],
    rows_of: Callable[[int], Rows | None],
) -> list[tuple[int, Xyxy]]:
    """Return where an object is in other frames; none where it is lost.

    A frame's box is the one that looks most alike among those of the same super-class that are near
    and of about the size. Nothing is looked at for it.

    Args:
        xyxy: Place of the object.
        here: Rows of its frame.
        before: Frames before it, nearest first.
        after: Frames after it, nearest first.
        rows_of: Function that returns the rows of a frame, None if it was not looked at.
    """
    if not len(here):
        return []
    overlaps = iou_matrix(here["box"], np.array([xyxy], np.float32))[:, 0]
    start = here[overlaps.argmax()]
    if overlaps.max() < LEAST_IOU:
        return []
    return sorted([*_way(start, before, rows_of), *_way(start, after, rows_of)])


def _way(
    start: np.void, frames: Iterable[int], rows_of: Callable[[int], Rows | None]
) -> list[tuple[int, Xyxy]]:
    """Return the places in one direction."""
    found: list[tuple[int, Xyxy]] = []
    last, missed = start, 0
    for frame in frames:
        rows = rows_of(frame)
        if rows is None or len(found) >= MOST_FRAMES or missed > MOST_MISSED:
            break
        nearest = _alike(start, last, rows)
        if nearest is None:
            missed += 1
            continue
        last, missed = nearest, 0
        left, top, right, bottom = (round(float(side), 1) for side in nearest["box"])
        found.append((frame, (left, top, right, bottom)))
    return found


def _alike(start: np.void, last: np.void, rows: Rows) -> np.void | None:
    """Return the row that shows the object, None if there is none."""
    sides = (rows["box"][:, 2:] - rows["box"][:, :2]).max(1)
    side = float((last["box"][2:] - last["box"][:2]).max())
    centres = (rows["box"][:, 2:] + rows["box"][:, :2]) / 2
    shift = np.linalg.norm(centres - (last["box"][2:] + last["box"][:2]) / 2, axis=1)
    near = shift <= MOST_SHIFT * np.maximum(sides, side)
    growth = np.maximum(sides / side, side / np.maximum(sides, 1e-3))
    same = (rows["root"] == start["root"]) & (rows["things"] == start["things"])
    cosine = rows["crop"].astype(np.float32) @ start["crop"].astype(np.float32)
    cosine[~(near & (growth <= MOST_GROWTH) & same)] = -1
    best = int(cosine.argmax()) if len(rows) else 0
    if not len(rows) or cosine[best] < LEAST_COSINE:
        return None
    found: np.void = rows[best]
    return found
