"""Look at every n-th frame."""

from __future__ import annotations

from drivemeta.plugins.protocols import InferencePlan, Outcome, SchedulerState, StreamInfo


class EveryNth:
    """Runs the network on every n-th frame, skips the others.

    Args:
        n: frames from one look to the next.
    """

    def __init__(self, n: int = 3) -> None:
        self.n = n

    def reset(self, stream: StreamInfo) -> None:
        """Nothing is remembered from stream to stream."""

    def act(self, state: SchedulerState) -> InferencePlan:
        """Look when the frame's number is a multiple of n."""
        return InferencePlan("full" if state.frame_index % self.n == 0 else "skip")

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """What a look costs changes nothing."""
