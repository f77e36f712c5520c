"""Sinks that write lines of text into one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.sink.part_file import PartFile


class LineSink(ABC):
    """Writes the lines of each frame; a run that was killed goes on after its last commit.

    A sink of this kind names its file and gives the lines of one frame:

        class Times(LineSink):
            file_name = "times.txt"

            def lines(self, frame, tracks):
                yield f"{frame.time_s} {len(tracks)}"

    Args:
        context: Context of the run, whose folder is written into.
        name: File name in place of the sink's own.

    Attributes:
        file_name: Name of the file, unless the user gives another.
        header: First line of the file; none if empty.
    """

    file_name: ClassVar[str]
    header: ClassVar[str] = ""

    def __init__(self, context: RunContext, name: str | None = None) -> None:
        self._file = PartFile(context.folder / (name or self.file_name))
        self._next = 0

    @abstractmethod
    def lines(self, frame: Frame, tracks: Tracks) -> Iterable[str]:
        """Return the lines of one frame, without their line ends."""

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the file with its header, or go on with the unfinished one."""
        self._next = self._file.open(resume_at)
        if self.header and not self._next:
            self._file.write(f"{self.header}\n")

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the lines of one frame."""
        for line in self.lines(frame, tracks):
            self._file.write(f"{line}\n")
        self._next = frame.index + 1

    def commit(self) -> int:
        """Flush to the disk."""
        return self._file.commit(self._next)

    def close(self) -> list[Path]:
        """Give the file its final name."""
        return [self._file.finish()]

    def abort(self) -> None:
        """Leave the unfinished file."""
        self._file.abort()
