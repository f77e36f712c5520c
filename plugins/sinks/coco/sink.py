"""Results in the COCO format: the list that `COCO.loadRes` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.coco import coco_row
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.sink.part_file import PartFile

_BEGIN, _END = "[\n", "\n]\n"


class CocoResults:
    """Writes `coco_results.json`, boxes xywh in pixels of the frame.

    `image_id` is the frame's index plus 1, `category_id` the label plus 1; `track_id` stands where
    there is one.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
    """

    def __init__(self, context: RunContext, name: str = "coco_results.json") -> None:
        self._file = PartFile(context.folder / name)
        self._next, self._open = 0, False

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the list, or go on with the unfinished one."""
        self._next, self._open = self._file.open(resume_at), True
        if not self._next:
            self._file.write(_BEGIN)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add each object to the list."""
        for entry in _entries(frame, tracks):
            comma = "" if self._file.n_bytes == len(_BEGIN) else ",\n"
            self._file.write(comma + json.dumps(entry))
        self._next = frame.index + 1

    def commit(self) -> int:
        """Flush to the disk."""
        return self._file.commit(self._next)

    def close(self) -> list[Path]:
        """End the list and give the file its final name."""
        if self._open:
            self._file.write(_END)
            self._open = False
        return [self._file.finish()]

    def abort(self) -> None:
        """Leave the unfinished file."""
        self._open = False
        self._file.abort()


def _entries(frame: Frame, tracks: Tracks) -> list[dict[str, Any]]:
    found = tracks.detections
    rows = zip(tracks.ids, found.labels, found.scores, found.boxes.tolist(), strict=True)
    return [
        {
            **coco_row(frame.index, int(label), (x1, y1, x2 - x1, y2 - y1)),
            "score": round(float(score), 4),
            **({} if track == UNTRACKED else {"track_id": int(track)}),
        }
        for track, label, score, (x1, y1, x2, y2) in rows
    ]
