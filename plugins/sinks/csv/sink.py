"""Results as a table of objects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.plugins.sink.lines import LineSink


class CsvRows(LineSink):
    """Writes `objects.csv`: a row an object, boxes xyxy in pixels of the frame."""

    file_name = "objects.csv"
    header = "frame,time_s,id,label,name,score,x1,y1,x2,y2"

    def lines(self, frame: Frame, tracks: Tracks) -> Iterator[str]:
        """Yield a row for each object."""
        found = tracks.detections
        rows = zip(tracks.ids, found.labels, found.names, found.scores, found.boxes, strict=True)
        for track, label, name, score, box in rows:
            identity = "" if track == UNTRACKED else int(track)
            sides = (f"{side:.2f}" for side in box)
            start = (frame.index, f"{frame.time_s:.6f}", identity, int(label), name)
            yield _row(*start, f"{score:.4f}", *sides)


def _row(*values: object) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
