"""Frames that the network did not run on: where the objects are that were seen before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Detections, Frame, Tracks

HELD_BYTES = 1 << 28  # of frames that wait for the next inference


class _Look(NamedTuple):
    """Tracks of a frame that the network ran on."""

    time_s: float
    tracks: Tracks


class InBetween:
    """Gives every frame its tracks, those that were skipped too; rows without identity stay.

    A skipped frame waits for the next inference, and its boxes lie on the line between both. A live
    source does not wait, nor do more frames than memory should hold: boxes go on as they moved, for
    as long as lay between the last two inferences.

    Args:
        live: Whether each frame must go on at once.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._before: _Look | None = None
        self._last = _Look(0.0, Tracks.untracked(Detections.empty(())))
        self._held: list[Frame] = []

    def add(self, frame: Frame, tracks: Tracks | None) -> Iterator[tuple[Frame, Tracks]]:
        """Take the next frame, and its tracks unless it was skipped; yield what can go on."""
        if tracks is not None:
            look = _Look(frame.time_s, tracks)
            yield from self._released(look)
            self._before, self._last = self._last, look
            yield frame, tracks
            return
        self._held.append(frame)
        if self._live or (len(self._held) + 1) * frame.image.nbytes > HELD_BYTES:
            yield from self._released(None)

    def rest(self) -> Iterator[tuple[Frame, Tracks]]:
        """Yield the frames that still wait, at the end."""
        yield from self._released(None)

    def _released(self, after: _Look | None) -> Iterator[tuple[Frame, Tracks]]:
        held, self._held = self._held, []
        for frame in held:
            yield frame, self._tracks_at(frame, after)

    def _tracks_at(self, frame: Frame, after: _Look | None) -> Tracks:
        last, found = self._last, self._last.tracks.detections
        boxes = found.boxes.copy()
        for other in (self._before, after):  # what comes after knows better
            if other is not None and other.time_s != last.time_s:
                rows, theirs = _same(last.tracks, other.tracks)
                part = (frame.time_s - last.time_s) / (other.time_s - last.time_s)
                way = other.tracks.detections.boxes[theirs] - found.boxes[rows]
                boxes[rows] = found.boxes[rows] + max(part, -1.0) * way
        height, width = frame.size
        boxes = boxes.clip(0, (width, height, width, height)).astype(np.float32)
        is_seen = np.asarray((boxes[:, 2:] > boxes[:, :2]).all(1), bool)  # not gone out of sight
        moved = Detections(boxes, found.scores, found.labels, found.classes)
        return Tracks(moved, last.tracks.ids)[is_seen]


def _same(one: Tracks, other: Tracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of the tracks that are in both, in the one and in the other."""
    ids, rows, theirs = np.intersect1d(one.ids, other.ids, return_indices=True)
    return rows[ids != UNTRACKED], theirs[ids != UNTRACKED]
