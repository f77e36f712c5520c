"""What a worker does, wherever it runs: it plans videos, and looks at segments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from drivemeta.archive.looking import Looker
from drivemeta.archive.places import Video, said
from drivemeta.archive.reading_frames import SegmentFrames
from drivemeta.archive.rows import BoxRows
from drivemeta.archive.segment_file import Footer, LookedFrame, SegmentFacts, to_table
from drivemeta.archive.segments import VideoSegment, plan
from drivemeta.archive.store import key_of, open_archive
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.video.prefetch import Ahead

MOST_NOTES = 5
AHEAD = 4  # frames that are decoded before they are looked at


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is made of; it travels to where the worker runs.

    Attributes:
        archive: Place of the archive.
        base: File of the base.
        provider: Provider of ONNX Runtime.
        threads: Threads for one operator on the CPU; None for ONNX Runtime's choice.
        batch: Most frames in one run of the networks.
    """

    archive: str
    base: str
    provider: str = "auto"
    threads: int | None = None
    batch: int = 1


@dataclass(frozen=True)
class Done:
    """What came of a task.

    Attributes:
        n_frames: Frames that were looked at.
        n_boxes: Boxes found in them.
        n_missing: Frames that could not be decoded.
        notes: What a user should know.
        problem: Why it failed, empty if it did not.
        fatal: Whether nothing else could go better: the archive cannot be written.
        segments: Segments of a video that was planned, still to be looked at.
        n_segments: Segments of the video in all.
        was_there: Whether it was in the archive already.
    """

    n_frames: int = 0
    n_boxes: int = 0
    n_missing: int = 0
    notes: tuple[str, ...] = ()
    problem: str = ""
    fatal: bool = False
    segments: tuple[VideoSegment, ...] = ()
    n_segments: int = 0
    was_there: bool = False


Task = Video | VideoSegment
Advance = Callable[[int], None]


def _unheard(_: int) -> None:
    """Take no notice of how far a segment is."""


class Worker:
    """Plans videos and looks at segments, one at a time.

    Args:
        settings: What it is made of.
        registry: Plugins that streams are read by.
    """

    def __init__(self, settings: WorkerSettings, registry: Registry | None = None) -> None:
        self._settings, self._registry = settings, registry or default_registry()
        self._archive = open_archive(settings.archive)
        self._looker: Looker | None = None

    def run(self, task: Task, advance: Advance = _unheard) -> Done:
        """Do a task; what fails is told in what it returns.

        Args:
            task: Video to plan, or segment to look at.
            advance: Function that is told how many frames of the segment are done.
        """
        try:
            return self._plan(task) if isinstance(task, Video) else self._look(task, advance)
        except OutputError as error:
            return Done(problem=str(error), fatal=True)
        except Exception as error:  # noqa: BLE001  (one video's trouble must not end the others)
            return Done(problem=said(error))

    def _plan(self, video: Video) -> Done:
        """Return the segments of a video that are not in the archive."""
        key, archive = key_of(video.place), self._archive
        there = archive.files(key)
        noted, fingerprint = archive.read_video(key), video.fingerprint()
        if noted is not None and noted["fingerprint"] != fingerprint:
            for file in archive.all_files(key):  # of a video that was replaced by another
                archive.storage.remove(file.path)
            there = []
        numbers = {number for file in there for number in file.numbers}
        known = noted is not None and noted["fingerprint"] == fingerprint
        if noted is not None and known and len(numbers) == noted["n_segments"]:
            return Done(n_segments=len(numbers), was_there=True)
        segments = plan(video, archive.fps, self._registry)
        told = {
            "video": video.place,
            "kind": segments[0].video.kind,
            "fingerprint": fingerprint,
            "n_segments": len(segments),
            "every": segments[0].every,
        }
        if told != noted:
            archive.note_video(key, told)
        left = tuple(segment for segment in segments if segment.number not in numbers)
        return Done(segments=left, n_segments=len(segments))

    def _look(self, segment: VideoSegment, advance: Advance) -> Done:
        """Look at a segment and write it, unless another has done so meanwhile."""
        if any(segment.number in file.numbers for file in self._archive.files(segment.key)):
            return Done(was_there=True)
        if self._looker is None:
            self._looker = self._opened()
        frames = SegmentFrames(segment, self._registry)
        looked: list[LookedFrame] = []
        parts: list[BoxRows] = []
        waiting = []
        problem = ""
        try:
            with closing(Ahead(frames, AHEAD, "decode")) as decoded:
                for wanted, image in decoded:
                    size = (image.shape[0], image.shape[1])
                    looked.append(LookedFrame(wanted.frame, wanted.pts, wanted.time_s, size))
                    waiting.append(image)
                    if len(waiting) == self._settings.batch:
                        parts += self._looker(waiting)
                        waiting = []
                        advance(len(looked))
        except InputError as error:  # what was read of it is kept
            problem = str(error)
        parts += self._looker(waiting) if waiting else []
        if not looked and (problem or frames.n_missing):
            raise InputError(problem or _nothing(segment))
        return self._written(segment, frames, looked, parts, problem)

    def _written(
        self,
        segment: VideoSegment,
        frames: SegmentFrames,
        looked: list[LookedFrame],
        parts: list[BoxRows],
        problem: str,
    ) -> Done:
        facts = self._archive.facts
        rows = BoxRows.joined(parts or [BoxRows.empty(facts.dim, len(facts.finders))])
        notes = list(dict.fromkeys([*frames.notes, *([problem] if problem else [])]))[:MOST_NOTES]
        told = SegmentFacts(
            video=segment.video.place,
            number=segment.number,
            n_segments=segment.n_segments,
            n_boxes=len(rows),
            n_frames=len(looked),
            n_empty=sum(not len(part) for part in parts),
            n_missing=frames.n_missing,
            n_corrupt=frames.n_corrupt,
            first_s=looked[0].time_s if looked else 0.0,
            last_s=looked[-1].time_s if looked else 0.0,
            every=segment.every,
            fingerprint=segment.fingerprint,
            notes=tuple(notes),
        )
        superclasses = [root for _, root in facts.finders]
        table = to_table(segment.video.place, segment.number, looked, rows, superclasses)
        footer = Footer(self._archive.base_key, (told,))
        self._archive.write_segments(segment.key, table, footer)
        return Done(len(looked), len(rows), frames.n_missing, tuple(notes))

    def _opened(self) -> Looker:
        settings, facts = self._settings, self._archive.facts
        looker = Looker(
            settings.base,
            provider=settings.provider,
            threads=settings.threads,
            least_score=facts.least_score,
        )
        if looker.facts != facts:
            raise OutputError(
                f"{settings.base} is another base than that of {self._archive.place}: it was "
                "replaced meanwhile"
            )
        return looker


def _nothing(segment: VideoSegment) -> str:
    return (
        f"none of the {len(segment.wanted)} frames of segment {segment.number} can be decoded: "
        f"{Path(segment.video.place).name} is damaged there"
    )
