"""The pipeline: decoding and inference run ahead in threads, tracking follows in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.plugins.protocols import (
    InferencePlan,
    Outcome,
    Scheduler,
    SchedulerState,
    Source,
    Tracker,
)
from drivemeta.video.ahead import Ahead

Detect = Callable[[Sequence[NDArray[np.uint8]]], list[Detections]]
Looked = tuple[Frame, Detections | None]
DEPTH = 8


@dataclass(frozen=True)
class Pipeline:
    """What runs over a stream.

    Attributes:
        detect: from frames of uint8 BGR to their detections.
        tracker: gives identities.
        scheduler: decides which frames are looked at.
        batch: most frames a call of `detect`.
        keep: which detections go on, as a mask of rows; None for all.
    """

    detect: Detect
    tracker: Tracker
    scheduler: Scheduler
    batch: int = 1
    keep: Callable[[Detections], NDArray[np.bool_]] | None = None

    def run(self, source: Source) -> Generator[tuple[Frame, Tracks], None, None]:
        """Yield every frame of a source with its tracks, in order; closes the source at the end.

        A frame that the scheduler skips carries the tracks of the frame before it.
        """
        self.scheduler.reset(source.info())
        self.tracker.reset()
        with (
            closing(source),
            closing(Ahead(source, DEPTH, "decode")) as frames,
            closing(Ahead(self._look(frames), DEPTH, "infer")) as looked,
        ):
            tracks = Tracks.untracked(Detections.empty(()))
            for frame, detections in looked:
                if detections is not None:
                    tracks = self.tracker.update(detections, frame)
                yield frame, tracks

    def _look(self, frames: Iterable[Frame]) -> Iterator[Looked]:
        """Run the detector in batches over the frames that are looked at."""
        stream, latency_s, since_full = iter(frames), 0.0, 0
        while chunk := list(islice(stream, self.batch)):
            plans: list[InferencePlan] = []
            for frame in chunk:
                state = SchedulerState(frame.index, frame.time_s, latency_s, since_full=since_full)
                plans.append(self.scheduler.act(state))
                since_full = 0 if plans[-1].mode == "full" else since_full + 1
            chosen = [i for i, plan in enumerate(plans) if plan.mode != "skip"]
            started = time.perf_counter()
            found = self.detect([chunk[i].image for i in chosen]) if chosen else []
            latency_s = (time.perf_counter() - started) / max(len(chosen), 1)
            results = dict(zip(chosen, found, strict=True))
            for i, (frame, plan) in enumerate(zip(chunk, plans, strict=True)):
                detections = self._kept(results.get(i))
                n_found = len(detections) if detections is not None else 0
                self.scheduler.observe(frame.index, Outcome(plan, latency_s, n_found))
                yield frame, detections

    def _kept(self, detections: Detections | None) -> Detections | None:
        if detections is None or self.keep is None:
            return detections
        return detections[self.keep(detections)]
