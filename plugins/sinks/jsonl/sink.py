"""Results as JSON lines.

Each line is `{"frame": 12, "time_s": 0.4, "pts": 6144, "name": "", "objects": [...]}`, each object
`{"id": 3 or null, "label": 4, "name": "stop", "score": 0.81, "box": [x1, y1, x2, y2]}` in pixels
of the frame.
"""

from __future__ import annotations

import json
from pathlib import Path

from drivemeta.core import Frame, Tracks
from drivemeta.plugins.protocols import RunContext, StreamInfo
from drivemeta.video.part_file import PartFile
from drivemeta.video.records import frame_record


class JsonLines:
    """Writes `detections.jsonl`; while the run lasts it is called `detections.jsonl.part`.

    Args:
        context: Of the run, whose folder is written into.
        name: of the file.
    """

    def __init__(self, context: RunContext, name: str = "detections.jsonl") -> None:
        self._file = PartFile(context.folder / name)
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the file, or go on with the unfinished one."""
        self._next = self._file.open(resume_at)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add one line."""
        self._file.write(json.dumps(frame_record(frame, tracks), ensure_ascii=False) + "\n")
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
