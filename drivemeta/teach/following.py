"""Following a box through the frames that were looked at: one object, seen several times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np

from drivemeta.core.boxes import iou_matrix
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.hits import SAME_IOU
from drivemeta.teach.seen import Rows
from drivemeta.teach.state import MOST_JOINED, Add, Box, Xyxy

LEAST_IOU = 0.3  # of the row that a box is followed by
LEAST_COSINE = 0.75
MOST_SHIFT = 3.5  # of the centre, in sides of the larger box
MOST_GROWTH = 2.2
MOST_MISSED, MOST_FRAMES = 1, 8  # one after the other; in each direction


def further_views(box: Box, boxes: Sequence[Box], index: ClipIndex, here: Rows) -> list[Add]:
    """Return the actions that annotate a box's object in the frames before and after it.

    Args:
        box: Box of the object.
        boxes: All boxes; frames in which the object has one already are left out.
        index: Index of the clip.
        here: Rows of the frame of the box.
    """
    taken = {b.frame for b in boxes if b.object == box.object}
    free = [n for n in index.numbers.tolist() if n not in taken]
    places = track(box.frame, box.xyxy, here, free, index.rows)
    return [
        Add(
            do="add",
            clip=box.clip,
            frame=frame,
            xyxy=place,
            name=box.name,
            origin="followed",
            object=box.object,
        )
        for frame, place in places
    ]


def joined(added: Add, boxes: Sequence[Box], index: ClipIndex) -> Add:
    """Return an action with the objects that its box shows once more, as its track tells.

    What is annotated in one frame twice is two objects, and so are boxes of two names.

    Args:
        added: Action that annotates a box.
        boxes: Boxes that there are.
        index: Index of the clip.
    """
    own = [b for b in boxes if (b.clip, b.name) == (added.clip, added.name)]
    here = index.rows(added.frame)
    if added.object is not None or here is None or not own:
        return added
    seen = (b.frame for b in own if index.rows(b.frame) is not None)
    frames = sorted({*index.numbers.tolist(), *seen} - {added.frame})
    places = track(added.frame, added.xyxy, here, frames, index.rows)
    places = sorted([*places, (added.frame, added.xyxy)])
    taken, found = {added.frame}, list[int]()
    for box in sorted(own, key=lambda box: abs(box.frame - added.frame)):
        frames_of = {b.frame for b in boxes if b.object == box.object}
        if box.object in found or taken & frames_of or not _lies_on(box, places):
            continue
        found.append(box.object)
        taken |= frames_of
    if not found:
        return added
    return added.model_copy(update={"object": found[0], "also": tuple(found[1:][:MOST_JOINED])})


def _lies_on(box: Box, places: Sequence[tuple[int, Xyxy]]) -> bool:
    """Return whether a box lies where a track is in its frame, or passes from one to the next."""
    frames = [frame for frame, _ in places]
    if not frames[0] <= box.frame <= frames[-1]:
        return False
    sides = zip(*(place for _, place in places), strict=True)
    place = np.array([[np.interp(box.frame, frames, side) for side in sides]], np.float32)
    return bool(iou_matrix(place, np.array([box.xyxy], np.float32)).item() >= SAME_IOU)


def track(
    frame: int,
    xyxy: Xyxy,
    here: Rows,
    frames: Sequence[int],
    rows_of: Callable[[int], Rows | None],
) -> list[tuple[int, Xyxy]]:
    """Return where an object is in other frames: those that lead to it as it leads to them.

    Where it passes, another of its kind may be near; but what that came from is another place.

    Args:
        frame: Frame of the object.
        xyxy: Place of it.
        here: Rows of its frame.
        frames: Frames to look at, in order.
        rows_of: Function that returns the rows of a frame, None if it was not looked at.
    """
    start, among = np.array([xyxy], np.float32), sorted({*frames, frame})

    @cache
    def of(number: int) -> Rows | None:
        return here if number == frame else rows_of(number)

    def leads_back(found: tuple[int, Xyxy]) -> bool:
        there = of(found[0])
        assert there is not None
        back = dict(follow(found[1], there, *_from(found[0], among), of))
        if frame not in back:
            return False
        return bool(iou_matrix(start, np.array([back[frame]], np.float32)).item() >= SAME_IOU)

    return list(filter(leads_back, follow(xyxy, here, *_from(frame, frames), of)))


def _from(frame: int, frames: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the frames before and after one, nearest first."""
    return [n for n in reversed(frames) if n < frame], [n for n in frames if n > frame]


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
