"""Times of frames that always grow, whatever stamps their container holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median_high
from typing import TypeVar

Item = TypeVar("Item")
JUMP_S = 1.0  # back by more than this is another clock, by less it is disorder
AHEAD = 8  # stamps that are seen before one is judged
RECENT = 9  # steps whose median is the usual one: containers guess their rate, and may be wrong
REORDERED = 17  # frames among which the least stamp is that of the first, in any codec
LEAP_S = 60.0  # a gap that is told, and that one frame alone at either end is not believed


class SteadyClock:
    """Makes a container's times into ones that begin at 0 and always grow.

    Stamps that grow are kept as they are, however close or far apart. One that fits neither its
    neighbour before nor those after, or is the same again, is replaced, and moves no other.

    Args:
        step_s: Nominal seconds between frames.

    Attributes:
        n_strays: Stamps that were replaced.
        leap_s: Longest gap that was kept, in seconds.

    >>> clock = SteadyClock(0.1)
    >>> [round(clock.next(stated), 3) for stated in (7.0, 7.1, 7.1, 7.2, None, 2.0, 2.1)]
    [0.0, 0.1, 0.11, 0.2, 0.3, 0.4, 0.5]
    >>> clock = SteadyClock(0.1)
    >>> stamps = [7.0, 7.1, 900.0, 7.3, 7.4]
    >>> [round(clock.next(stamp, stamps[i + 1 :]), 3) for i, stamp in enumerate(stamps)]
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._near_s = max(JUMP_S, 3 * step_s)  # by so much a stamp may go on after the last
        self._offset_s: float | None = None
        self._last_s = self._stamp_s = 0.0  # of the last frame: its time, and as it was stated
        self._recent_s: deque[float] = deque([step_s], RECENT)
        self.n_strays, self.leap_s = 0, 0.0

    def next(self, stated_s: float | None, ahead: Sequence[float | None] | None = None) -> float:
        """Return the time of the next frame.

        Args:
            stated_s: What the container states of it; None for nothing.
            ahead: What it states of the frames after it, nothing if it is the last; None if that
                is not known.
        """
        if self._offset_s is None:
            self._offset_s = -self._begin(stated_s, ahead or ())
            return 0.0
        following = [None if s is None else s + self._offset_s for s in ahead or ()]
        due_s, is_last = self._due_s(), ahead is not None and not ahead
        time_s = self._time(stated_s, following)
        if is_last and not self._last_s < time_s <= due_s + LEAP_S:
            self.n_strays += time_s > due_s  # the same as before is a rounding of FFmpeg's
            time_s = due_s
        self.leap_s = max(self.leap_s, time_s - due_s)
        self._last_s = time_s if time_s > self._last_s else self._last_s + self._step_s / 10
        return self._last_s

    def _begin(self, stated_s: float | None, ahead: Sequence[float | None]) -> float:
        """Return what the container states of time 0, unless the first stamp is a stray one."""
        if stated_s is None:
            known = ((s, n) for n, s in enumerate(ahead, 1) if s is not None)
            first_s, n_before = next(known, (0.0, 0))
            return first_s - n_before * self._step_s
        following = [s for s in ahead if s is not None]
        if len(following) > 1 and 0 < following[1] - following[0] <= self._near_s:
            is_alone = not -self._near_s < following[0] - stated_s < LEAP_S
            if is_alone or following[1] < stated_s:
                self.n_strays += 1
                return following[0] - self._step_s
        return stated_s

    def _due_s(self) -> float:
        """Return the time of a frame that comes after the usual step."""
        return self._last_s + median_high(self._recent_s)

    def _time(self, stated_s: float | None, following: list[float | None]) -> float:
        due_s = self._due_s()
        if stated_s is None:
            return self._between(due_s, following)
        time_s = stated_s + (self._offset_s or 0.0)
        is_repeated = bool(following) and time_s == self._stamp_s
        if is_repeated or self._is_stray(time_s, following):
            self.n_strays += 1
            return self._between(due_s, following)
        behind = time_s <= self._last_s and any(s is not None and s >= time_s for s in following)
        if time_s < self._last_s - JUMP_S or behind:  # another clock
            self._offset_s = due_s - stated_s
            time_s = due_s
        elif time_s > self._last_s:
            self._recent_s.append(time_s - self._last_s)
        self._stamp_s = time_s
        return time_s

    def _is_stray(self, time_s: float, following: list[float | None]) -> bool:
        """Tell whether a later stamp goes on from the last as if this one were not there."""
        due_s, place = self._due_s(), self._goes_on(following)
        if place is None:
            return False
        later_s, step_s = following[place] or 0.0, due_s - self._last_s
        passed = [time_s, *following[:place]]
        if time_s <= self._last_s:  # unless these stamps lead on to it by steps of their own
            way = [s for s in [*passed, later_s] if s is not None]
            return not all(0 < b - a <= 3 * step_s for a, b in pairwise(way)) or place == 0
        inside = time_s <= later_s or any(
            s is not None and self._last_s < s < later_s for s in passed[1:]
        )
        return not inside and time_s - due_s >= abs(later_s - due_s - place * step_s)

    def _goes_on(self, following: list[float | None]) -> int | None:
        """Return the place of the first later stamp that goes on from the last, if there is one."""
        for place, later_s in enumerate(following):
            farthest_s = self._last_s + self._near_s * (place + 1)
            if later_s is not None and self._last_s < later_s <= farthest_s:
                return place
        return None

    def _between(self, due_s: float, following: list[float | None]) -> float:
        """Return the time of a frame whose own is unknown: between its neighbours."""
        place = self._goes_on(following)
        if place is None:
            return due_s
        return self._last_s + ((following[place] or 0.0) - self._last_s) / (place + 2)


def timed(
    frames: Iterable[tuple[Item, float | None]],
    clock: SteadyClock,
    is_decoding_order: Callable[[], bool] = lambda: False,
    wrap_s: float = float("inf"),
) -> Iterator[tuple[Item, float]]:
    """Yield frames with their times, which a clock gives that sees some stamps ahead.

    Args:
        frames: Frames in order of presentation, and what the container states of each in seconds.
        clock: Clock that has not begun.
        is_decoding_order: Function that tells whether the stamps of the packets grow as these lie
            in the file. Where those of the frames do not, they are times of decoding: the same
            stamps, given to the frames in order, are those of presentation.
        wrap_s: Seconds at which the container's stamps begin at 0 again; FFmpeg adds as many to
            those after it, and to those after a jump back, which is known by its leap.
    """
    waiting: deque[Item] = deque()
    stamps: list[float | None] = []
    is_sorted = False
    for frame, stated_s in frames:
        before_s = stamps[-1] if stamps else None
        leap_s = 0.0 if stated_s is None or before_s is None else stated_s - before_s
        jumped = stated_s is not None and stated_s >= wrap_s and leap_s > LEAP_S
        disorder = leap_s < 0
        waiting.append(frame)
        stamps.append(stated_s - wrap_s if stated_s is not None and jumped else stated_s)
        is_sorted = is_sorted or (disorder and is_decoding_order())
        if is_sorted:
            stamps.sort(key=lambda s: float("inf") if s is None else s)
        if len(waiting) > (REORDERED if is_sorted else AHEAD):
            yield waiting.popleft(), clock.next(stamps.pop(0), stamps)
    while waiting:
        yield waiting.popleft(), clock.next(stamps.pop(0), stamps)
