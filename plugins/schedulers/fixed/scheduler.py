"""The same plan all the time."""

from __future__ import annotations

from drivemeta.errors import InputError
from drivemeta.plugins.protocols import InferencePlan, Outcome, SchedulerState, StreamInfo


class Fixed:
    """Runs the network on every Nth frame.

    Args:
        every: N, 1 for every frame.
        mode: how it looks: `full`, or `sliced` into tiles.
        max_latency_ms: of a live source, a frame that would be done later than this, by the
            frames that wait behind it and what the last one took, is skipped; None for no limit.

    Raises:
        InputError: N is less than 1, the mode is unknown, or the limit is not above 0.
    """

    def __init__(
        self, every: int = 1, mode: str = "full", max_latency_ms: float | None = None
    ) -> None:
        if every < 1:
            raise InputError(f"--every: expected 1 or more, found {every}")
        if mode not in ("full", "sliced"):
            raise InputError(f"mode: expected full or sliced, found {mode!r}")
        if max_latency_ms is not None and max_latency_ms <= 0:
            raise InputError(f"--max-latency-ms: expected more than 0, found {max_latency_ms}")
        self._look = InferencePlan("full" if mode == "full" else "sliced")
        self._every, self._max_latency_ms, self._live = every, max_latency_ms, False

    def reset(self, stream: StreamInfo) -> None:
        """Take in whether the stream is live."""
        self._live = stream.live

    def act(self, state: SchedulerState) -> InferencePlan:
        """Look if the frame's turn has come and it is not too late for it."""
        due = state.frame_index % self._every == 0
        return self._look if due and not self._late(state) else InferencePlan("skip")

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """Nothing is learnt."""

    def _late(self, state: SchedulerState) -> bool:
        """Tell whether the frames that wait behind this one would be too old when it is done."""
        if self._max_latency_ms is None or not self._live or state.queue_length == 0:
            return False
        return (state.queue_length + 1) * state.latency_s * 1000 > self._max_latency_ms
