"""Latency feedback and motion: inference when it is worth it, as close as there is time for."""

from __future__ import annotations

import numpy as np

from drivemeta.core.run import NO_RUN, PlanMode, RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    SchedulerState,
)

COSTS: dict[PlanMode, float] = {"small": 0.5, "full": 1.0, "sliced": 5.0}  # before one is measured
SMOOTHING = 0.3  # part of the newest latency in a mode's estimate
MOST_SAVED = 3.0  # frames' worth of time that can be saved up for a closer inference


class Heuristic:
    """Spends a budget of seconds where the picture changes.

    Each frame brings its budget of time, each inference costs what those of its kind took lately,
    and frames that wait take from what is left. An inference is due when the picture has changed
    enough since the last one, or after `max_gap` frames; it is the closest one that there is time
    for.

    Args:
        budget_ms: Time a frame may take on average; None for the time between two frames.
        motion: Mean change of the pixels, in [0, 1], summed up since the last inference, that makes
            one due.
        max_gap: Greatest number of frames between two inferences if there is time.
        max_latency_ms: Time beyond which a kind of inference is left out if others take less; None
            for the limit of the run, if it has one.
        context: Context of the run: the modes that it offers, and its limit.

    Raises:
        InputError: a value is out of range.
    """

    def __init__(
        self,
        budget_ms: float | None = None,
        motion: float = 0.02,
        max_gap: int = 5,
        max_latency_ms: float | None = None,
        context: RunContext = NO_RUN,
    ) -> None:
        if budget_ms is not None and budget_ms <= 0:
            raise InputError(f"heuristic.budget_ms: expected more than 0, found {budget_ms}")
        if motion < 0:
            raise InputError(f"heuristic.motion: expected 0 or more, found {motion}")
        if max_gap < 1:
            raise InputError(f"heuristic.max_gap: expected 1 or more, found {max_gap}")
        self._given_s = None if budget_ms is None else budget_ms / 1000
        limit = context.max_latency_ms if max_latency_ms is None else max_latency_ms
        if limit is not None and limit <= 0:
            raise InputError(f"heuristic.max_latency_ms: expected more than 0, found {limit}")
        self._longest_s = np.inf if limit is None else limit / 1000
        self._motion, self._max_gap = motion, max_gap
        self._looks = sorted(set(context.modes) - {"skip"}, key=COSTS.__getitem__)
        self._budget_s, self._saved_s, self._moved = 1.0, 0.0, 0.0
        self._gap, self._first = 0, True
        self._latencies: dict[PlanMode, float] = {}

    def reset(self, stream: StreamInfo) -> None:
        """Forget latencies and motion; take in the time between two frames."""
        self._budget_s = self._given_s or 1 / max(stream.fps, 1e-3)
        self._saved_s, self._moved, self._gap, self._first = 0.0, 0.0, 0, True
        self._latencies.clear()

    def act(self, state: SchedulerState) -> InferencePlan:
        """Choose the closest inference that there is time for, if one is due."""
        self._saved_s = min(self._saved_s + self._budget_s, MOST_SAVED * self._budget_s)
        self._moved += state.difference
        self._gap += 1
        due = self._moved >= self._motion or self._gap >= self._max_gap or state.n_tracks == 0
        mode = self._affordable(state.queue_length) if due else None
        if self._first:
            mode = mode or self._looks[0]
        if mode is None:
            return InferencePlan("skip")
        self._first, self._moved, self._gap = False, 0.0, 0
        self._saved_s -= self._latency(mode)
        return InferencePlan(mode)

    def observe(self, frame_index: int, outcome: Outcome) -> None:  # noqa: ARG002  (the protocol)
        """Take in how long an inference took."""
        mode = outcome.plan.mode
        if mode == "skip" or outcome.latency_s <= 0:
            return
        known = self._latencies.get(mode, outcome.latency_s)
        self._latencies[mode] = known + SMOOTHING * (outcome.latency_s - known)

    def _affordable(self, n_waiting: int) -> PlanMode | None:
        left = self._saved_s - max(0, n_waiting - 1) * self._budget_s * 0.1
        most = min(left, self._longest_s)
        fitting = [mode for mode in self._looks if self._latency(mode) <= most]
        if fitting:
            return fitting[-1]
        return self._looks[0] if left >= MOST_SAVED * self._budget_s * 0.99 else None

    def _latency(self, mode: PlanMode) -> float:
        """Return what an inference takes: as measured, else by the costs of the modes measured."""
        if mode in self._latencies:
            return self._latencies[mode]
        for known, seconds in self._latencies.items():
            return seconds * COSTS[mode] / COSTS[known]
        return self._budget_s * COSTS[mode]
