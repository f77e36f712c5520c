"""Many videos, each in a process of its own; what fails in one ends none of the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol

from drivemeta.errors import DriveMetaError
from drivemeta.video.api import Advance, unheard
from drivemeta.video.job import Job
from drivemeta.video.signals import stop_on_signals
from drivemeta.video.summary import RunSummary

State = Literal["done", "skipped", "failed", "interrupted"]
TOLD_EVERY_S = 0.2  # progress of one video


@dataclass(frozen=True)
class JobOutcome:
    """What came of one video.

    Attributes:
        state: `skipped` was finished by an earlier run.
        problem: Reason of a failure.
        summary: Summary of the run, as JSON values.
    """

    state: State
    problem: str = ""
    summary: dict[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    """Hears how the videos get on."""

    def started(self, name: str) -> None:
        """A video began."""

    def advanced(self, name: str, done: int, total: int | None) -> None:
        """So many of its frames are done."""

    def ended(self, name: str, outcome: JobOutcome) -> None:
        """It is over."""


def run_many(jobs: Mapping[str, Job], n_parallel: int, listener: Listener) -> dict[str, JobOutcome]:
    """Run jobs by name, `n_parallel` at a time; a signal ends those that run, and starts no more.

    Returns:
        The outcome of each job, in the order of the jobs; those that a signal kept from starting
        are `interrupted`.
    """
    outcomes, waiting = unfinished(jobs, listener)
    pool = _Pool(waiting, n_parallel, listener)
    with stop_on_signals() as stop:
        while pool.step():
            if stop.asked:
                pool.stop()
    outcomes |= pool.outcomes
    return {name: outcomes.get(name, JobOutcome("interrupted")) for name in jobs}


def unfinished(
    jobs: Mapping[str, Job], listener: Listener
) -> tuple[dict[str, JobOutcome], dict[str, Job]]:
    """Return the outcomes of jobs that were finished before, and the other jobs."""
    outcomes: dict[str, JobOutcome] = {}
    waiting: dict[str, Job] = {}
    for name, job in jobs.items():
        if not job.fresh and job.is_finished():
            outcomes[name] = JobOutcome("skipped")
            listener.ended(name, outcomes[name])
        else:
            waiting[name] = job
    return outcomes, waiting


def outcome_of(job: Job, advance: Advance = unheard) -> JobOutcome:
    """Run one job; what fails is told in its outcome."""
    try:
        summary = job.run(advance)
        state: State = "interrupted" if summary.interrupted else "done"
        return JobOutcome(state, summary=job.as_json(summary))
    except DriveMetaError as error:
        return JobOutcome("failed", str(error))
    except KeyboardInterrupt:  # a signal before the run began
        return JobOutcome("interrupted")
    except Exception as error:  # noqa: BLE001  (one video's trouble must not end the others)
        return JobOutcome("failed", f"{type(error).__name__}: {error}")


class _Pool:
    """The processes that run.

    Attributes:
        outcomes: Outcomes of those that ended.
    """

    def __init__(self, jobs: Mapping[str, Job], n_parallel: int, listener: Listener) -> None:
        self._waiting, self._n_parallel, self._listener = deque(jobs.items()), n_parallel, listener
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[Connection, tuple[str, Any]] = {}
        self._stopped = False
        self.outcomes: dict[str, JobOutcome] = {}

    def step(self) -> bool:
        """Start what there is room for and hear what runs; tell whether anything is left."""
        while self._waiting and len(self._running) < self._n_parallel:
            self._start(*self._waiting.popleft())
        for pipe in wait(list(self._running), TOLD_EVERY_S):
            if isinstance(pipe, Connection):
                self._hear(pipe)
        return bool(self._running or self._waiting)

    def stop(self) -> None:
        """Start no more, and let those that run close their files; once is enough."""
        if not self._stopped:
            self._stopped = True
            self._waiting.clear()
            for _, process in self._running.values():
                process.terminate()

    def _start(self, name: str, job: Job) -> None:
        mine, its = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, its), daemon=True)
        process.start()
        its.close()
        self._running[mine] = name, process
        self._listener.started(name)

    def _hear(self, pipe: Connection) -> None:
        name, process = self._running[pipe]
        try:
            heard = pipe.recv()
        except EOFError:  # it ended without a word
            process.join()
            heard = self._silent_end(process.exitcode)
        if not isinstance(heard, JobOutcome):
            self._listener.advanced(name, *heard)
            return
        del self._running[pipe]
        pipe.close()
        process.join()
        self.outcomes[name] = heard
        self._listener.ended(name, heard)

    def _silent_end(self, code: int | None) -> JobOutcome:
        if self._stopped and code == -signal.SIGTERM:  # before the run could begin
            return JobOutcome("interrupted")
        told = f"was killed by signal {-code}" if code and code < 0 else f"ended with code {code}"
        return JobOutcome("failed", f"its process {told}")


def _work(job: Job, pipe: Connection) -> None:
    """Run one job in a process of its own, apart from the terminal's signals."""
    if hasattr(os, "setsid"):
        os.setsid()
    last = 0.0

    def advance(summary: RunSummary, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last > TOLD_EVERY_S:
            last = time.monotonic()
            pipe.send((summary.frames, total))

    outcome = outcome_of(job, advance)
    with suppress(BrokenPipeError):  # nobody waits any more
        pipe.send(outcome)
