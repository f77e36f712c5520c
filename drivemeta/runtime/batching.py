"""Frames of several streams in one call, none of them waiting longer than a deadline."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.errors import InputError

Image = NDArray[np.uint8]
Detect = Callable[[Sequence[Image]], list[Detections]]


@dataclass(frozen=True)
class BatchCount:
    """What a batcher has done.

    Attributes:
        n_calls: Calls of the detector.
        n_frames: Frames in them.
        longest_wait_s: Longest wait of a frame for its call to begin.
    """

    n_calls: int = 0
    n_frames: int = 0
    longest_wait_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _Job:
    frame: Image
    since: float
    result: Future[Detections]


class Batcher:
    """Gathers frames that several threads submit, and runs them together.

    A call begins as soon as `max_batch` frames of one size wait, or when the one that waits
    longest has done so for `max_delay_s`. While a call runs, frames gather for the next one, so
    under load batches fill by themselves and nobody waits for the deadline.

    Args:
        detect: Function from frames to their detections, an `OnnxDetector` for instance.
        max_batch: Most frames in one call.
        max_delay_s: Longest wait of a frame for others, in seconds.
        max_pending: Frames that may wait before `submit` blocks; 4 batches if None.

    Raises:
        InputError: a number cannot be.
    """

    def __init__(
        self,
        detect: Detect,
        max_batch: int = 8,
        max_delay_s: float = 0.005,
        max_pending: int | None = None,
    ) -> None:
        self._max_pending = 4 * max_batch if max_pending is None else max_pending
        if min(max_batch, self._max_pending) < 1 or max_delay_s < 0:
            raise InputError(
                "expected a batch and a queue of at least 1 and a delay of at least 0 seconds, "
                f"found {max_batch}, {self._max_pending} and {max_delay_s}"
            )
        self._detect, self._max_batch, self._max_delay_s = detect, max_batch, max_delay_s
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._open = True
        self.count = BatchCount()
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def submit(self, frame: Image) -> Future[Detections]:
        """Queue a (height, width, 3) uint8 BGR frame; its result comes in its turn.

        Blocks while too many frames wait. Errors of the detector are raised by `result()`.

        Raises:
            InputError: the batcher is closed, or the frame is no array.
        """
        if not isinstance(frame, np.ndarray):
            raise InputError(f"expected a frame as a numpy array, found {type(frame).__name__}")
        result: Future[Detections] = Future()
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._max_pending or not self._open)
            if not self._open:
                raise InputError("the batcher is closed and takes no more frames")
            self._waiting.append(_Job(frame, time.monotonic(), result))
            self._changed.notify_all()
        return result

    def close(self) -> None:
        """Finish what was submitted, then stop; may be called twice."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> Batcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _work(self) -> None:
        while jobs := self._next():
            wait = time.monotonic() - jobs[0].since
            done = self.count
            self.count = BatchCount(
                done.n_calls + 1, done.n_frames + len(jobs), max(done.longest_wait_s, wait)
            )
            self._run(jobs)

    def _run(self, jobs: list[_Job]) -> None:
        try:
            found = list(self._detect([job.frame for job in jobs]))
            if len(found) != len(jobs):
                raise InputError(
                    f"expected a detector to give one result a frame, found {len(found)} for "
                    f"{len(jobs)} frames"
                )
        except BaseException as error:  # noqa: BLE001  (those who wait must hear of anything)
            for job in jobs:
                job.result.set_exception(error)
            return
        for job, each in zip(jobs, found, strict=True):
            job.result.set_result(each)

    def _next(self) -> list[_Job]:
        """Return the frames of the next call, all of one size; none once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            if not self._waiting:
                return []
            deadline = self._waiting[0].since + self._max_delay_s
            while self._open and len(self._alike()) < self._max_batch:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            chosen = self._alike()
            for job in chosen:
                self._waiting.remove(job)
            self._changed.notify_all()
        # one that was cancelled meanwhile is left out
        return [job for job in chosen if job.result.set_running_or_notify_cancel()] or self._next()

    def _alike(self) -> list[_Job]:
        """Return those waiting that are of the size of the first, up to a batch."""
        shape = self._waiting[0].frame.shape
        return [job for job in self._waiting if job.frame.shape == shape][: self._max_batch]
