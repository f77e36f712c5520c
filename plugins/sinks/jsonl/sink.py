"""Results as JSON lines.

Each line is `{"frame": 12, "time_s": 0.4, "pts": 6144, "name": "", "objects": [...]}`, each object
`{"id": 3 or null, "label": 4, "name": "stop", "score": 0.81, "box": [x1, y1, x2, y2]}` in pixels
of the frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from drivemeta.core import Frame, Tracks
from drivemeta.plugins.sink.lines import LineSink
from drivemeta.plugins.sink.records import frame_record


class JsonLines(LineSink):
    """Writes `detections.jsonl`; while the run lasts it is called `detections.jsonl.part`."""

    file_name = "detections.jsonl"

    def lines(self, frame: Frame, tracks: Tracks) -> Iterator[str]:
        """Yield one line."""
        yield json.dumps(frame_record(frame, tracks), ensure_ascii=False)
