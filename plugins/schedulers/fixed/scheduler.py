"""The same plan all the time."""

from __future__ import annotations

from drivemeta.errors import InputError
from drivemeta.plugins.protocols import InferencePlan, Outcome, SchedulerState, StreamInfo


class Fixed:
    """Runs the network on every Nth frame.

    Args:
        every: N, 1 for every frame.

    Raises:
        InputError: N is less than 1.
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise InputError(f"--every: expected 1 or more, found {every}")
        self._every = every

    def reset(self, stream: StreamInfo) -> None:
        """Nothing is remembered."""

    def act(self, state: SchedulerState) -> InferencePlan:
        """Look if the frame's turn has come."""
        return InferencePlan("full" if state.frame_index % self._every == 0 else "skip")

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """Nothing is learnt."""
