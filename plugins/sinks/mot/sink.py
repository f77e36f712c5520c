"""Results in the MOT Challenge text format.

Format: Leal-Taixé et al., "MOTChallenge 2015: Towards a Benchmark for Multi-Target Tracking", 2015,
arXiv 1504.01942. Each line is `frame,id,left,top,width,height,score,class,-1,-1`; frames, left and
top count from 1, and so do ids, each a track's number plus 1, and the class here, in the order of
the model's.
"""

from __future__ import annotations

from collections.abc import Iterator

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.plugins.sink.lines import LineSink


class MotChallenge(LineSink):
    """Writes `mot.txt`; objects without an identity are left out, as the format has none."""

    file_name = "mot.txt"

    def lines(self, frame: Frame, tracks: Tracks) -> Iterator[str]:
        """Yield a line for each tracked object."""
        found = tracks.detections
        rows = zip(tracks.ids, found.labels, found.scores, found.boxes, strict=True)
        for track, label, score, (x1, y1, x2, y2) in rows:
            if track != UNTRACKED:
                box = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
                yield f"{frame.index + 1},{track + 1},{box},{score:.4f},{label + 1},-1,-1"
