"""A file that grows under another name, can be gone on with after a kill, and ends whole."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from drivemeta.errors import OutputError

_MARK = struct.Struct("<QQ")  # next frame, bytes written before it


class PartFile:
    """Grows as `NAME.part`; commits are noted in `.NAME.marks` beside it; ends as `NAME`.

    Args:
        path: Final name.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._part = self.path.with_name(self.path.name + ".part")
        self._marks_path = self.path.with_name(f".{self.path.name}.marks")
        self._file: BinaryIO | None = None
        self._marks: BinaryIO | None = None
        self._next = 0

    def open(self, resume_at: int) -> int:
        """Begin, or go on at the last commit that is not past `resume_at`.

        Returns:
            The frame to go on from: 0 where nothing was left to go on with.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._next, offset = self._last_mark(resume_at)
            self._file = self._part.open("r+b" if self._next else "wb")
            self._file.truncate(offset)
            self._file.seek(offset)
            self._marks = self._marks_path.open("ab" if self._next else "wb")
        except OSError as error:
            raise self._error(error) from error
        return self._next

    @property
    def n_bytes(self) -> int:
        """How much was written so far."""
        return self._file.tell() if self._file is not None else 0

    def write(self, text: str) -> None:
        """Add UTF-8 text.

        Raises:
            OutputError: it cannot be written.
        """
        if self._file is None:
            raise OutputError(f"{self.path} is not open")
        try:
            self._file.write(text.encode())
        except OSError as error:
            raise self._error(error) from error

    def commit(self, next_frame: int) -> int:
        """Make what was written durable; return the frame to go on from.

        Raises:
            OutputError: it cannot be written.
        """
        if self._file is None or self._marks is None or next_frame == self._next:
            return self._next
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._marks.write(_MARK.pack(next_frame, self._file.tell()))
            self._marks.flush()
            os.fsync(self._marks.fileno())
        except OSError as error:
            raise self._error(error) from error
        self._next = next_frame
        return next_frame

    def finish(self) -> Path:
        """Give the file its final name; may be called twice.

        Raises:
            OutputError: it cannot be written.
        """
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                os.replace(self._part, self.path)
            except OSError as error:
                raise self._error(error) from error
            self.abort()
            self._marks_path.unlink(missing_ok=True)
        return self.path

    def abort(self) -> None:
        """Close without finishing; what was committed stays. May be called twice."""
        for file in (self._file, self._marks):
            if file is not None:
                with suppress(OSError):  # a full disk was told already
                    file.close()
        self._file = self._marks = None

    def _last_mark(self, resume_at: int) -> tuple[int, int]:
        """Return the last usable commit, as the frame that follows and the offset in bytes."""
        if not resume_at or not self._part.exists() or not self._marks_path.exists():
            return 0, 0
        data, size = self._marks_path.read_bytes(), self._part.stat().st_size
        whole = len(data) // _MARK.size * _MARK.size
        usable = [m for m in _MARK.iter_unpack(data[:whole]) if m[0] <= resume_at and m[1] <= size]
        with self._marks_path.open("r+b") as file:
            file.truncate(_MARK.size * len(usable))
        return max(usable, default=(0, 0))

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write {self._part}: {error.strerror or error}")
