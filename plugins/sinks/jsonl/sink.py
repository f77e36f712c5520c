"""Results as JSON lines.

Each line is `{"frame": 12, "time_s": 0.4, "pts": 6144, "name": "", "objects": [...]}`, each object
`{"id": 3 or null, "label": 4, "name": "stop", "score": 0.81, "box": [x1, y1, x2, y2]}` in pixels
of the frame.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.errors import OutputError
from drivemeta.plugins.protocols import StreamInfo


class JsonLines:
    """Writes `detections.jsonl`; while the run lasts it is called `detections.jsonl.part`.

    Args:
        folder: of the run.
        name: of the file.
    """

    def __init__(self, folder: Path, name: str = "detections.jsonl") -> None:
        self._path = Path(folder) / name
        self._partial = self._path.with_name(self._path.name + ".part")
        self._file: Any = None
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the file; with `resume_at` above 0, go on with the unfinished one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if resume_at else "w"
            self._file = self._partial.open(mode, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write {self._partial}: {error.strerror}") from error
        self._next = resume_at

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add one line."""
        try:
            self._file.write(json.dumps(record(frame, tracks), ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"cannot write {self._partial}: {error.strerror}") from error
        self._next = frame.index + 1

    def commit(self) -> int:
        """Flush to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._next

    def close(self) -> list[Path]:
        """Give the file its final name."""
        if self._file is not None and not self._file.closed:
            self._file.close()
            os.replace(self._partial, self._path)
        return [self._path]


def record(frame: Frame, tracks: Tracks) -> dict[str, Any]:
    """Return one frame's result as JSON values."""
    found = tracks.detections
    objects = [
        {
            "id": int(track) if track != UNTRACKED else None,
            "label": int(label),
            "name": found.classes[label],
            "score": round(float(score), 4),
            "box": [round(float(x), 2) for x in box],
        }
        for track, label, score, box in zip(
            tracks.ids, found.labels, found.scores, found.boxes, strict=True
        )
    ]
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 6),
        "pts": frame.pts,
        "name": frame.name,
        "objects": objects,
    }
