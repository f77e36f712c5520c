"""An iterable run in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Ends a queue, with the error that ended the iterable if there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[Item]):
    """Iterates in the background; errors there are raised where the items are taken.

    Args:
        items: iterated in the thread.
        depth: most items that wait.
        name: of the thread.
    """

    def __init__(self, items: Iterable[Item], depth: int, name: str) -> None:
        self._items = items
        self._queue: queue.Queue[Item | _End] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

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
        """Stop after the present item and wait for the thread."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

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
                self._queue.put(item, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False
