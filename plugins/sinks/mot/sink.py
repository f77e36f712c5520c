"""Results in the MOT Challenge text format.

Format: Leal-Taixé et al., "MOTChallenge 2015: Towards a Benchmark for Multi-Target Tracking", 2015,
arXiv 1504.01942. Each line is `frame,id,left,top,width,height,score,class,-1,-1`; frames, left and
top count from 1, and so does the class here, in the order of the model's.
"""

from __future__ import annotations

from pathlib import Path

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.plugins.protocols import RunContext, StreamInfo
from drivemeta.video.part_file import PartFile


class MotChallenge:
    """Writes `mot.txt`; objects without an identity are left out, as the format has none.

    Args:
        context: Of the run, whose folder is written into.
        name: of the file.
    """

    def __init__(self, context: RunContext, name: str = "mot.txt") -> None:
        self._file = PartFile(context.folder / name)
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin the file, or go on with the unfinished one."""
        self._next = self._file.open(resume_at)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add a line for each tracked object."""
        found = tracks.detections
        rows = zip(tracks.ids, found.labels, found.scores, found.boxes, strict=True)
        for track, label, score, (x1, y1, x2, y2) in rows:
            if track != UNTRACKED:
                box = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
                line = f"{frame.index + 1},{track},{box},{score:.4f},{label + 1},-1,-1\n"
                self._file.write(line)
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
