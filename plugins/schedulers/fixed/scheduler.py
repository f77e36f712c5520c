"""The same plan all the time."""

from __future__ import annotations

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    SchedulerState,
)

MODES = ("full", "sliced")


class Fixed:
    """Runs the network on every Nth frame.

    Args:
        context: Context of the run: N, the mode of its inferences, and `max_latency_ms`: a frame of
            a live source that would be done later than this, by the frames that wait behind it and
            what the last one took, is skipped.

    Raises:
        InputError: N is less than 1, there is no such mode, or the limit is not above 0.
    """

    def __init__(self, context: RunContext = NO_RUN) -> None:
        limit = context.max_latency_ms
        if context.every < 1:
            raise InputError(f"--every: expected 1 or more, found {context.every}")
        if context.mode not in MODES:
            raise InputError(f"mode: expected {' or '.join(MODES)}, found {context.mode!r}")
        if limit is not None and limit <= 0:
            raise InputError(f"--max-latency-ms: expected more than 0, found {limit}")
        self._plan = InferencePlan(context.mode)
        self._every, self._max_latency_ms, self._live = context.every, limit, False

    def reset(self, stream: StreamInfo) -> None:
        """Take in whether the stream is live."""
        self._live = stream.live

    def act(self, state: SchedulerState) -> InferencePlan:
        """Look if the frame's turn has come and it is not too late for it."""
        due = state.frame_index % self._every == 0
        return self._plan if due and not self._late(state) else InferencePlan("skip")

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """Nothing is learnt."""

    def _late(self, state: SchedulerState) -> bool:
        """Tell whether the frames that wait behind this one would be too old when it is done."""
        if self._max_latency_ms is None or not self._live or state.queue_length == 0:
            return False
        return (state.queue_length + 1) * state.latency_s * 1000 > self._max_latency_ms
