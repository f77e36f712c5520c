"""Indexing: videos are planned, their segments looked at, what is there already left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivemeta.archive.engine import Engine, IndexListener
from drivemeta.archive.places import Video
from drivemeta.archive.segments import VideoSegment
from drivemeta.archive.worker import Done, Task


@dataclass
class IndexReport:
    """What came of indexing.

    Attributes:
        n_videos: Videos that were asked for.
        n_segments: Segments of those that could be planned.
        n_there: Segments that were in the archive already.
        n_done: Segments that were added.
        n_frames: Frames that were looked at.
        n_boxes: Boxes that were found in them.
        n_missing: Frames that could not be decoded.
        problems: What failed, by video.
        notes: What a user should know, by video.
        interrupted: Whether it was ended before all was done.
    """

    n_videos: int = 0
    n_segments: int = 0
    n_there: int = 0
    n_done: int = 0
    n_frames: int = 0
    n_boxes: int = 0
    n_missing: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dict(vars(self))


class _Counting:
    """Counts what it hears, and tells it on."""

    def __init__(self, report: IndexReport, listener: IndexListener) -> None:
        self._report, self._listener = report, listener

    def planned(self, video: Video, done: Done) -> None:
        report = self._report
        report.n_segments += done.n_segments
        report.n_there += done.n_segments - len(done.segments)
        self._note(video, done)
        self._listener.planned(video, done)

    def advanced(self, task: Task, n_frames: int) -> None:
        self._listener.advanced(task, n_frames)

    def ended(self, task: Task, done: Done) -> None:
        report = self._report
        if not done.problem:
            report.n_there += done.was_there
            report.n_done += not done.was_there
            report.n_frames += done.n_frames
            report.n_boxes += done.n_boxes
            report.n_missing += done.n_missing
        self._note(task.video if isinstance(task, VideoSegment) else task, done)
        self._listener.ended(task, done)

    def _note(self, video: Video, done: Done) -> None:
        if done.problem:
            told = self._report.problems.setdefault(video.place, [])
            if done.problem not in told:
                told.append(done.problem)
        for note in done.notes:
            known = self._report.notes.setdefault(video.place, [])
            if note not in known:
                known.append(note)


def index(
    videos: Sequence[Video],
    engine: Engine,
    listener: IndexListener,
    stopped: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Look at videos; the archive that the engine's workers write to holds them afterwards.

    Args:
        videos: Videos; segments that the archive holds already are left alone.
        engine: Engine that runs the workers.
        listener: What hears how it gets on.
        stopped: Function that tells whether to end early.
    """
    report = IndexReport(n_videos=len(videos))
    engine.run(videos, _Counting(report, listener), stopped)
    report.interrupted = stopped()
    return report
