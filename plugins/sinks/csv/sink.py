"""Results as a table of objects."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.plugins.protocols import RunContext, StreamInfo
from drivemeta.video.part_file import PartFile

COLUMNS = ("frame", "time_s", "id", "label", "name", "score", "x1", "y1", "x2", "y2")


class CsvRows:
    """Writes `objects.csv`: a row an object, boxes xyxy in pixels of the frame.

    Args:
        context: Of the run, whose folder is written into.
        name: of the file.
    """

    def __init__(self, context: RunContext, name: str = "objects.csv") -> None:
        self._file = PartFile(context.folder / name)
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the file with its header, or go on with the unfinished one."""
        self._next = self._file.open(resume_at)
        if not self._next:
            self._file.write(_row(*COLUMNS))

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add a row for each object."""
        found = tracks.detections
        rows = zip(tracks.ids, found.labels, found.names, found.scores, found.boxes, strict=True)
        for track, label, name, score, box in rows:
            identity = "" if track == UNTRACKED else int(track)
            sides = (f"{side:.2f}" for side in box)
            start = (frame.index, f"{frame.time_s:.6f}", identity, int(label), name)
            self._file.write(_row(*start, f"{score:.4f}", *sides))
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


def _row(*values: object) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
