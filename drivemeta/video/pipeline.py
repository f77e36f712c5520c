"""The pipeline: decoding and inference run ahead in threads, tracking follows in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import PlanMode
from drivemeta.errors import InputError
from drivemeta.plugins.calling import Calling, frames_of, info_of
from drivemeta.plugins.scheduler.protocol import InferencePlan, Scheduler
from drivemeta.plugins.source.protocol import Source
from drivemeta.plugins.tracker.protocol import Tracker
from drivemeta.video.between import InBetween
from drivemeta.video.journal import Journal, Record
from drivemeta.video.prefetch import Ahead
from drivemeta.video.scheduling import Choices
from drivemeta.video.stage_clock import StageClock

Detect = Callable[[Sequence[NDArray[np.uint8]]], list[Detections]]
Looked = tuple[Frame, InferencePlan, Detections | None]
Found = tuple[dict[int, Detections], dict[int, float]]  # and seconds, by place in the chunk
DEPTH = 8


@dataclass(frozen=True)
class _Look:
    """Frames that the network is running on."""

    frames: Sequence[Frame]
    plans: Sequence[InferencePlan]
    found: Future[Found]


@dataclass(frozen=True)
class Pipeline:
    """What runs over a stream.

    Attributes:
        detect: Function from frames of uint8 BGR to their detections.
        tracker: Tracker, which gives identities.
        scheduler: Scheduler, which chooses the inference of each frame.
        batch: Most frames in a call of `detect`.
        keep: Function that gives the mask of detections that go on; None for all.
        sliced: Detector where the plan is `sliced`; None if that is not offered.
        small: Detector where the plan is `small`; None if that is not offered.
        past: Records of frames by an earlier run, by index; the network does not run on them again.
        record: Function that gets every frame as it was perceived, in order.
        workers: Calls of `detect` at a time; results keep the frames' order.
        clock: Clock that sums up the seconds of each stage.
        classes: Names of the detector's classes, in order, when the pipeline was built.
        provider: Short name of what runs the detector.
    """

    detect: Detect
    tracker: Tracker
    scheduler: Scheduler
    batch: int = 1
    keep: Callable[[Detections], NDArray[np.bool_]] | None = None
    sliced: Detect | None = None
    small: Detect | None = None
    past: Mapping[int, Record] = field(default_factory=dict)
    record: Callable[[Frame, InferencePlan, Detections | None], None] | None = None
    workers: int = 1
    clock: StageClock = field(default_factory=StageClock)
    classes: tuple[str, ...] = ()
    provider: str = ""

    def going_on(self, journal: Journal) -> Pipeline:
        """Return the pipeline that goes on where a journal ends, and keeps it."""
        past = {record.index: record for record in journal.records}
        return replace(self, past=past, record=journal.frame)

    def run(self, source: Source) -> Generator[tuple[Frame, Tracks], None, None]:
        """Yield every frame of a source with its tracks, in order; closes the source at the end.

        In a frame that the scheduler skips, objects are where their tracks pass; see `between`. Of
        a live source, frames that nobody has taken yet give way to newer ones.
        """
        info = info_of(source)
        live = info.live
        with Calling(self.scheduler, "reset"):
            self.scheduler.reset(info)
        with Calling(self.tracker, "reset"):
            self.tracker.reset()
        choices = Choices(self.scheduler, self.past)
        self.clock.threads["infer"], self.clock.live = self.workers, live
        pool = ThreadPoolExecutor(self.workers, "infer")
        frames = Ahead(
            self.clock.timed("decode", frames_of(source)), DEPTH, "decode", drop_oldest=live
        )
        looked = Ahead(self._look(frames, pool, choices), 1 if live else DEPTH, "order")
        # A live source that stalls must be told first; a file is not closed while it is read.
        told = closing(source) if live else nullcontext()
        with pool, closing(source), closing(looked), closing(frames), told:
            between, updating = InBetween(live=live), Calling(self.tracker, "update")
            for frame, plan, detections in looked:
                self.clock.dropped = frames.n_dropped
                if self.record is not None:
                    self.record(frame, plan, detections)
                tracks = None
                if detections is not None:
                    with self.clock.time("track"), updating:
                        found = self.tracker.update(self._kept(detections), frame)
                        tracks = updating.returned(found, Tracks)
                    choices.tracked(frame, tracks)
                yield from between.add(frame, tracks)
            yield from between.rest()

    def _look(
        self, frames: Ahead[Frame], pool: ThreadPoolExecutor, choices: Choices
    ) -> Iterator[Looked]:
        """Run the detector in batches over the frames that are not skipped."""
        stream = iter(frames)
        pending: deque[_Look] = deque()
        n_pending = self.workers + 1 if self.workers > 1 else 1  # one waits, so that none idles
        while chunk := list(islice(stream, self.batch)):
            plans = [choices.plan(frame, frames.n_waiting) for frame in chunk]
            look = _Look(chunk, plans, pool.submit(self._perceive, chunk, plans))
            pending.append(look)
            if len(pending) == n_pending:
                yield from self._settle(pending.popleft(), choices)
        while pending:
            yield from self._settle(pending.popleft(), choices)

    def _settle(self, look: _Look, choices: Choices) -> Iterator[Looked]:
        """Wait for an inference and pass its frames on."""
        results, seconds = look.found.result()
        if seconds:
            self.clock.add("infer", sum(seconds.values()), len(seconds))
        for i, (frame, plan) in enumerate(zip(look.frames, look.plans, strict=True)):
            detections = results.get(i)
            choices.settle(frame, plan, seconds.get(i, 0.0), detections)
            yield frame, plan, detections

    def _perceive(self, chunk: Sequence[Frame], plans: Sequence[InferencePlan]) -> Found:
        """Return what is in the frames that are not skipped, and the seconds of each one run."""
        results: dict[int, Detections] = {}
        seconds: dict[int, float] = {}
        due: dict[PlanMode, list[int]] = {}
        for i, (frame, plan) in enumerate(zip(chunk, plans, strict=True)):
            earlier = self.past.get(frame.index)
            if earlier is not None:
                results |= _remembered(i, frame, earlier)
            elif plan.mode != "skip":
                due.setdefault(plan.mode, []).append(i)
        for mode, members in due.items():
            started = time.perf_counter()
            found = self.detector(mode)([chunk[i].image for i in members])
            results |= dict(zip(members, found, strict=True))
            each = (time.perf_counter() - started) / len(members)
            seconds |= dict.fromkeys(members, each)
        return results, seconds

    def detector(self, mode: PlanMode) -> Detect:
        """Return what detects in a mode; a mode that is not offered is `full`."""
        offered = {"small": self.small, "sliced": self.sliced}
        return offered.get(mode) or self.detect

    def _kept(self, detections: Detections) -> Detections:
        return detections if self.keep is None else detections[self.keep(detections)]


def _remembered(position: int, frame: Frame, earlier: Record) -> dict[int, Detections]:
    if not earlier.matches(frame):
        raise InputError(
            f"frame {frame.index}: expected the one of the unfinished run (time {earlier.time_s}, "
            f"pts {earlier.pts}), found another (time {frame.time_s}, pts {frame.pts}); the "
            "source gives other frames than before: begin anew with --fresh"
        )
    return {} if earlier.detections is None else {position: earlier.detections}
