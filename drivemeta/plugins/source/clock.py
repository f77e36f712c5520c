"""Times of frames that always grow, and which way up a frame is."""

from __future__ import annotations

from typing import Any

JUMP_S = 1.0  # back by more than this is another clock, by less it is disorder


class SteadyClock:
    """Makes a container's times into ones that begin at 0 and always grow.

    Args:
        step_s: Nominal seconds between frames.

    >>> clock = SteadyClock(0.1)
    >>> [round(clock.next(stated), 3) for stated in (7.0, 7.1, 7.1, 7.2, None, 2.0, 2.1)]
    [0.0, 0.1, 0.11, 0.2, 0.3, 0.4, 0.5]
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._offset_s: float | None = None
        self._last_s = 0.0

    def next(self, stated_s: float | None) -> float:
        """Return the time of the next frame, whose container states one or none."""
        if self._offset_s is None:
            self._offset_s = -(stated_s or 0.0)
            return 0.0
        due_s = self._last_s + self._step_s
        time_s = due_s if stated_s is None else stated_s + self._offset_s
        if stated_s is not None and time_s < self._last_s - JUMP_S:
            self._offset_s, time_s = due_s - stated_s, due_s
        self._last_s = max(time_s, self._last_s + self._step_s / 10)
        return self._last_s


def turns_of(decoded: Any) -> int:
    """Return how many quarter turns counter-clockwise set a decoded `av.VideoFrame` upright."""
    return round(getattr(decoded, "rotation", 0) / 90) % 4
