"""An iterable run in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Ends a queue, with the error that ended the iterable if there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[Item]):
    """Iterates in the background; errors there are raised where the items are taken.

    Args:
        items: Items, iterated in the thread.
        depth: Most items that wait.
        name: Name of the thread.
        drop_oldest: Whether the oldest gives way to a new one where that many wait, instead of
            the iterable being held up.

    Attributes:
        n_dropped: Items that gave way.
    """

    def __init__(
        self, items: Iterable[Item], depth: int, name: str, *, drop_oldest: bool = False
    ) -> None:
        self._items, self._drop_oldest, self.n_dropped = items, drop_oldest, 0
        self._queue: queue.Queue[Item | _End] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """How many items wait, about."""
        return self._queue.qsize()

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in order."""
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                self._thread.join()
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        """Stop after the present item and wait for the thread; who waits for an item is let go."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()
        with suppress(queue.Full):
            self._queue.put_nowait(_End(None))

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as caught:  # noqa: BLE001  (handed to the thread that takes the items)
            error = caught
        self._put(_End(error))

    def _put(self, item: Item | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0 if self._drop_oldest else 0.05)
            except queue.Full:
                if self._drop_oldest:
                    self._drop()
                continue
            return True
        return False

    def _drop(self) -> None:
        with suppress(queue.Empty):  # it was taken in the meantime
            self._queue.get_nowait()
            self.n_dropped += 1
