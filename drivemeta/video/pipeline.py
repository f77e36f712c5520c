"""The pipeline: decoding and inference run ahead in threads, tracking follows in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.errors import InputError
from drivemeta.plugins.protocols import (
    InferencePlan,
    Outcome,
    Scheduler,
    SchedulerState,
    Source,
    Tracker,
)
from drivemeta.video.ahead import Ahead
from drivemeta.video.journal import Record
from drivemeta.video.stages import StageClock

Detect = Callable[[Sequence[NDArray[np.uint8]]], list[Detections]]
Looked = tuple[Frame, InferencePlan, Detections | None]
Found = tuple[dict[int, Detections], float, int]  # by place in the chunk, seconds, frames run
DEPTH = 8


@dataclass(frozen=True)
class _Look:
    """Frames that are being looked at."""

    frames: Sequence[Frame]
    plans: Sequence[InferencePlan]
    found: Future[Found]


@dataclass(frozen=True)
class Pipeline:
    """What runs over a stream.

    Attributes:
        detect: from frames of uint8 BGR to their detections.
        tracker: gives identities.
        scheduler: decides which frames are looked at, and how.
        batch: most frames a call of `detect`.
        keep: which detections go on, as a mask of rows; None for all.
        sliced: detects where the plan is `sliced`; None if that is not offered.
        past: frames that an earlier run looked at, by index; they are not detected again.
        record: is given every frame as it was perceived, in order.
        workers: calls of `detect` at a time; results keep the frames' order.
        clock: sums up the seconds of each stage.
    """

    detect: Detect
    tracker: Tracker
    scheduler: Scheduler
    batch: int = 1
    keep: Callable[[Detections], NDArray[np.bool_]] | None = None
    sliced: Detect | None = None
    past: Mapping[int, Record] = field(default_factory=dict)
    record: Callable[[Frame, InferencePlan, Detections | None], None] | None = None
    workers: int = 1
    clock: StageClock = field(default_factory=StageClock)

    def run(self, source: Source) -> Generator[tuple[Frame, Tracks], None, None]:
        """Yield every frame of a source with its tracks, in order; closes the source at the end.

        A frame that the scheduler skips carries the tracks of the frame before it. Of a live
        source, frames that nobody has taken yet give way to newer ones.
        """
        live = source.info().live
        self.scheduler.reset(source.info())
        self.tracker.reset()
        self.clock.threads["infer"] = self.workers
        pool = ThreadPoolExecutor(self.workers, "infer")
        frames = Ahead(self.clock.timed("decode", source), DEPTH, "decode", drop_oldest=live)
        looked = Ahead(self._look(frames, pool), 1 if live else DEPTH, "order")
        # A live source that stalls must be told first; a file is not closed while it is read.
        told = closing(source) if live else nullcontext()
        with pool, closing(source), closing(looked), closing(frames), told:
            tracks = Tracks.untracked(Detections.empty(()))
            for frame, plan, detections in looked:
                self.clock.dropped = frames.n_dropped
                if self.record is not None:
                    self.record(frame, plan, detections)
                if detections is not None:
                    with self.clock.time("track"):
                        tracks = self.tracker.update(self._kept(detections), frame)
                yield frame, tracks

    def _look(self, frames: Ahead[Frame], pool: ThreadPoolExecutor) -> Iterator[Looked]:
        """Run the detector in batches over the frames that are looked at."""
        stream, state = iter(frames), SchedulerState(0, 0.0)
        pending: deque[_Look] = deque()
        n_pending = self.workers + 1 if self.workers > 1 else 1  # one waits, so that none idles
        while chunk := list(islice(stream, self.batch)):
            plans: list[InferencePlan] = []
            for frame in chunk:
                plan, state = self._plan(frame, frames.n_waiting, state)
                plans.append(plan)
            look = _Look(chunk, plans, pool.submit(self._perceive, chunk, plans))
            pending.append(look)
            if len(pending) == n_pending:
                state = yield from self._settle(pending.popleft(), state)
        while pending:
            state = yield from self._settle(pending.popleft(), state)

    def _plan(
        self, frame: Frame, n_waiting: int, state: SchedulerState
    ) -> tuple[InferencePlan, SchedulerState]:
        """Let the scheduler choose for a frame, unless an earlier run chose already."""
        state = replace(state, frame_index=frame.index, time_s=frame.time_s, queue_length=n_waiting)
        plan = self.scheduler.act(state)
        plan = self.past[frame.index].plan if frame.index in self.past else plan
        return plan, replace(state, since_full=0 if plan.mode == "full" else state.since_full + 1)

    def _settle(
        self, look: _Look, state: SchedulerState
    ) -> Generator[Looked, None, SchedulerState]:
        """Wait for a look and pass its frames on."""
        results, seconds, n_run = look.found.result()
        if n_run:
            self.clock.add("infer", seconds, n_run)
            state = replace(state, latency_s=seconds / n_run)
        for i, (frame, plan) in enumerate(zip(look.frames, look.plans, strict=True)):
            detections = results.get(i)
            n_found = len(detections) if detections is not None else 0
            self.scheduler.observe(frame.index, Outcome(plan, state.latency_s, n_found))
            yield frame, plan, detections
        return state

    def _perceive(self, chunk: Sequence[Frame], plans: Sequence[InferencePlan]) -> Found:
        """Return what is in the frames that are not skipped, the seconds, and how many were run."""
        results: dict[int, Detections] = {}
        due: dict[bool, list[int]] = {}
        started = time.perf_counter()
        for i, (frame, plan) in enumerate(zip(chunk, plans, strict=True)):
            earlier = self.past.get(frame.index)
            if earlier is not None:
                results |= _remembered(i, frame, earlier)
            elif plan.mode != "skip":
                due.setdefault(plan.mode == "sliced", []).append(i)
        for is_sliced, members in due.items():
            detect = self.sliced if is_sliced and self.sliced is not None else self.detect
            found = detect([chunk[i].image for i in members])
            results |= dict(zip(members, found, strict=True))
        return results, time.perf_counter() - started, sum(map(len, due.values()))

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


def by_index(records: Iterable[Record]) -> dict[int, Record]:
    """Return records by the index of their frame."""
    return {record.index: record for record in records}
