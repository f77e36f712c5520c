"""What was read of a file once is remembered until the file changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import TypeVar

Read = TypeVar("Read")


def remembered(at_most: int) -> Callable[[Callable[[Path], Read]], Callable[[Path], Read]]:
    """Return a decorator of functions that read a file, for whoever comes back to it.

    A file is another one when its time or size is. What is raised is not remembered, and what is
    returned must not be changed.

    Args:
        at_most: Greatest number of files that are remembered, the last ones read.
    """

    def decorate(read: Callable[[Path], Read]) -> Callable[[Path], Read]:
        @lru_cache(maxsize=at_most)
        def known(path: Path, _changed_ns: int, _n_bytes: int) -> Read:
            return read(path)

        @wraps(read)
        def reading(path: Path) -> Read:
            try:
                stat = path.stat()
            except OSError:
                return read(path)  # which says so
            return known(path, stat.st_mtime_ns, stat.st_size)

        return reading

    return decorate
