"""SIGINT and SIGTERM end a run between two frames, so that every sink can be closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")


class Stop:
    """Whether the run is to end.

    Attributes:
        asked: Whether a signal came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def until_asked(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield the items; a signal ends that, even while the next one is waited for."""
        while not self.asked:
            try:
                self._waiting = True
                item = next(items)
            except (KeyboardInterrupt, StopIteration) as ended:
                self.asked = self.asked or isinstance(ended, KeyboardInterrupt)
                return
            finally:
                self._waiting = False
            yield item

    def ask(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Take a signal: at once while waiting for a frame, else before the next one."""
        again, self.asked = self.asked, True
        if self._waiting or again:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into a `Stop`; outside the main thread, never asked."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, stop.ask) for kind in kinds]
    try:
        yield stop
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
