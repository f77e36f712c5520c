"""The index of a clip: what the base sees in some of its frames, kept in files, scored at once."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.files import atomic_path, write_text
from drivemeta.teach.seen import Rows

PART = 16  # indexed frames in a file
MOST_BESIDE = 2000  # frames that were looked at beside, in memory
FACTS = "of.txt"


class ClipIndex:
    """Rows of the frames of one clip; several threads may use it.

    Args:
        folder: Folder of its files, made if it is not there.
        numbers: Frames that are indexed, ascending.
        of: What the files hold for: the clip and the networks. Files of something else are left
            out, and written over.

    Attributes:
        numbers: (n,) int64, frames that are indexed once it is whole.
    """

    def __init__(self, folder: Path, numbers: NDArray[np.int64], of: str) -> None:
        self.numbers = numbers
        self._folder = folder
        self._lock = threading.Lock()
        self._parts: dict[int, Rows] = {}
        self._extra: dict[int, Rows] = {}  # frames that were looked at beside
        self._open(of)

    @property
    def n_parts(self) -> int:
        """Number of parts once it is whole."""
        return -(-len(self.numbers) // PART)

    @property
    def n_done(self) -> int:
        """Number of frames that are indexed."""
        with self._lock:
            return sum(len(self.frames_of(part)) for part in self._parts)

    def done(self) -> list[tuple[int, int]]:
        """Return the stretches that are indexed, as first and last frame."""
        with self._lock:
            parts = sorted(self._parts)
        stretches: list[tuple[int, int]] = []
        for part, frames in zip(parts, map(self.frames_of, parts), strict=True):
            joins = stretches and part - 1 in self._parts
            first = stretches.pop()[0] if joins else int(frames[0])
            stretches.append((first, int(frames[-1])))
        return stretches

    def frames_of(self, part: int) -> NDArray[np.int64]:
        """Return the frames of a part."""
        return self.numbers[part * PART : (part + 1) * PART]

    def next_part(self, near: int) -> int | None:
        """Return the part that is missing nearest to a frame, None if the index is whole."""
        with self._lock:
            missing = [part for part in range(self.n_parts) if part not in self._parts]
        return min(missing, key=lambda part: self._distance(part, near), default=None)

    def add(self, part: int, rows: Rows) -> None:
        """Keep the rows of a part, in memory and in its file.

        Raises:
            OutputError: the file cannot be written.
        """
        path = self._folder / f"{part:05d}.npy"
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.save(file, rows)
        with self._lock:
            self._parts[part] = np.load(path, mmap_mode="r")

    def add_frame(self, number: int, rows: Rows) -> None:
        """Keep the rows of a frame that was looked at, in memory."""
        with self._lock:
            self._extra[number] = rows
            while len(self._extra) > MOST_BESIDE:
                self._extra.pop(next(iter(self._extra)))

    def rows(self, number: int) -> Rows | None:
        """Return the rows of a frame, None if it was not looked at yet."""
        with self._lock:
            if number in self._extra:
                return self._extra[number]
            at = int(np.searchsorted(self.numbers, number))
            if at < len(self.numbers) and self.numbers[at] == number:
                part = self._parts.get(at // PART)
                return None if part is None else part[part["frame"] == number]
        return None

    def parts(self) -> list[Rows]:
        """Return the rows of all that was looked at, in parts."""
        with self._lock:
            parts = [self._parts[part] for part in sorted(self._parts)]
            beside = [self._extra[n] for n in sorted(self._extra) if not self._is_indexed(n)]
        return [*parts, np.concatenate(beside)] if beside else parts

    def _is_indexed(self, number: int) -> bool:
        at = int(np.searchsorted(self.numbers, number))
        here = at < len(self.numbers) and self.numbers[at] == number
        return here and at // PART in self._parts

    def _distance(self, part: int, near: int) -> tuple[int, int]:
        frames = self.frames_of(part)
        first, last = int(frames[0]), int(frames[-1])
        return max(first - near, near - last, 0), part

    def _open(self, of: str) -> None:
        facts = self._folder / FACTS
        if not facts.is_file() or facts.read_text("utf-8") != of:
            for old in self._folder.glob("*.npy"):
                old.unlink()
            write_text(facts, of)
        for part in range(self.n_parts):
            path = self._folder / f"{part:05d}.npy"
            if path.is_file() and (rows := _read(path)) is not None:
                self._parts[part] = rows


def _read(path: Path) -> Rows | None:
    """Return the rows of a file, None of one that is damaged: it is made again."""
    try:
        rows = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return rows if rows.dtype.names else None
