"""What a scheduler knows of a running stream, and what it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Detections, Frame, Tracks
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    Scheduler,
    SchedulerState,
)
from drivemeta.video.journal import Record

_STEP = 8  # pixels: every 8th row and column tells how much a picture changes


class Choices:
    """Asks a scheduler for each frame's plan, and keeps what it must know.

    `plan` and `settle` are called by the thread of inference, `tracked` by the one that tracks:
    what it tells may lie some frames back.

    Args:
        scheduler: Scheduler that makes the choices.
        past: Frames that an earlier run chose for.
    """

    def __init__(self, scheduler: Scheduler, past: Mapping[int, Record]) -> None:
        self._scheduler, self._past = scheduler, past
        self._acting, self._observing = Calling(scheduler, "act"), Calling(scheduler, "observe")
        self._state = SchedulerState(0, 0.0)
        self._tracks: tuple[int, float, float] = (0, 0.0, 0.0)  # number, mean age, mean score
        self._first_seen: dict[int, int] = {}
        self._thumbnail: NDArray[np.int16] | None = None

    def plan(self, frame: Frame, n_waiting: int) -> InferencePlan:
        """Let the scheduler choose for a frame, unless an earlier run chose already."""
        n_tracks, age, score = self._tracks
        before, self._thumbnail = self._thumbnail, thumbnail(frame.image)
        state = replace(
            self._state,
            frame_index=frame.index,
            time_s=frame.time_s,
            queue_length=n_waiting,
            n_tracks=n_tracks,
            mean_age=age,
            mean_score=score,
            difference=difference(before, self._thumbnail),
        )
        with self._acting:
            plan = self._acting.returned(self._scheduler.act(state), InferencePlan)
        plan = self._past[frame.index].plan if frame.index in self._past else plan
        full = plan.mode in ("full", "sliced")
        self._state = replace(state, since_full=0 if full else state.since_full + 1)
        return plan

    def settle(
        self, frame: Frame, plan: InferencePlan, latency_s: float, found: Detections | None
    ) -> None:
        """Tell the scheduler what came of a plan, and keep how long it took."""
        looked = found is not None and latency_s > 0
        if looked:
            self._state = replace(self._state, latency_s=latency_s)
        n_found = 0 if found is None else len(found)
        outcome = Outcome(plan, latency_s if looked else 0.0, n_found)
        with self._observing:
            self._scheduler.observe(frame.index, outcome)

    def tracked(self, frame: Frame, tracks: Tracks) -> None:
        """Take in the tracks after an inference."""
        present = [int(i) for i in tracks.ids if i != UNTRACKED]
        self._first_seen = {i: self._first_seen.get(i, frame.index) for i in present}
        ages = [frame.index - first for first in self._first_seen.values()]
        self._tracks = (len(present), _mean(ages), _mean(tracks.detections.scores))


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return every eighth row and column of a frame."""
    return image[::_STEP, ::_STEP].astype(np.int16)


def difference(before: NDArray[np.int16] | None, now: NDArray[np.int16]) -> float:
    """Return the mean absolute difference of two thumbnails in [0, 1]; 0 for the first."""
    if before is None or before.shape != now.shape:
        return 0.0
    return float(np.abs(now - before).mean()) / 255


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else 0.0
