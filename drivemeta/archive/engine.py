"""The engine of one machine: workers in processes of their own, fed with tasks until none is left.

A task whose process dies is given to another one, and once again; then it counts as failed.
"""

from __future__ import annotations

import heapq
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from drivemeta.archive.places import Video
from drivemeta.archive.worker import Done, Task, Worker, WorkerSettings

TRIES = 3
LOOK_S = 0.2  # between looks at whether all is to stop


class IndexListener(Protocol):
    """Hears how the tasks get on."""

    def planned(self, video: Video, done: Done) -> None:
        """A video was planned, or could not be read."""

    def advanced(self, task: Task, n_frames: int) -> None:
        """So many frames of a segment are done, of those that it has not heard of."""

    def ended(self, task: Task, done: Done) -> None:
        """A segment is over."""


class Engine(Protocol):
    """Runs tasks on workers."""

    def run(
        self, tasks: Iterable[Task], listener: IndexListener, stopped: Callable[[], bool]
    ) -> None:
        """Run tasks, and those that come of them, until none is left or it is stopped."""


class Queue:
    """Tasks that wait: videos to be planned first, then the longest segments.

    Args:
        tasks: Tasks.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._heap: list[tuple[float, int, Task]] = []
        self._n = 0
        for task in tasks:
            self.add(task)

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, task: Task) -> None:
        """Let a task wait."""
        # a stream tells its length while it is read: it comes before segments of a minute
        length = (len(task.wanted) or 10**6) if not isinstance(task, Video) else 10**9
        heapq.heappush(self._heap, (-length, self._n, task))
        self._n += 1

    def take(self) -> Task:
        """Return the next task."""
        return heapq.heappop(self._heap)[2]

    def clear(self) -> None:
        """Forget those that wait."""
        self._heap.clear()

    def settle(self, task: Task, done: Done, listener: IndexListener) -> None:
        """Take in what came of a task: it may bring others, or be the end of all."""
        if isinstance(task, Video):
            listener.planned(task, done)
            for segment in done.segments:
                self.add(segment)
        else:
            listener.ended(task, done)
        if done.fatal:
            self.clear()


@dataclass
class _Running:
    process: Any
    task: Task | None = None


class Processes:
    """Workers on this machine, each in a process of its own.

    Args:
        settings: What each worker is made of.
        n_workers: Number of them.
    """

    def __init__(self, settings: WorkerSettings, n_workers: int) -> None:
        self._settings, self._n_workers = settings, n_workers
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[Connection, _Running] = {}
        self._tries: dict[Task, int] = {}

    def run(
        self, tasks: Iterable[Task], listener: IndexListener, stopped: Callable[[], bool]
    ) -> None:
        """Run tasks, and those that come of them, until none is left or it is stopped."""
        queue = Queue(tasks)
        try:
            while queue or self._busy():
                if stopped():
                    return
                self._feed(queue)
                for pipe in wait(list(self._workers), LOOK_S):
                    if isinstance(pipe, Connection):
                        self._hear(pipe, queue, listener)
        finally:
            self._end()

    def _busy(self) -> bool:
        return any(worker.task is not None for worker in self._workers.values())

    def _feed(self, queue: Queue) -> None:
        """Give tasks to workers that have none; start as many as there is work for."""
        while queue:
            idle = [pipe for pipe, worker in self._workers.items() if worker.task is None]
            if not idle and len(self._workers) == self._n_workers:
                return
            pipe = idle[0] if idle else self._start()
            self._workers[pipe].task = task = queue.take()
            with suppress(OSError):  # it has died: its end of the pipe says so
                pipe.send(task)

    def _start(self) -> Connection:
        mine, its = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._settings, its), daemon=True)
        process.start()
        its.close()
        self._workers[mine] = _Running(process)
        return mine

    def _hear(self, pipe: Connection, queue: Queue, listener: IndexListener) -> None:
        worker = self._workers[pipe]
        try:
            heard = pipe.recv()
        except (EOFError, OSError):
            self._buried(pipe, queue, listener)
            return
        task = worker.task
        if task is None:
            return
        if isinstance(heard, int):
            listener.advanced(task, heard)
            return
        worker.task = None
        queue.settle(task, heard, listener)

    def _buried(self, pipe: Connection, queue: Queue, listener: IndexListener) -> None:
        """Take leave of a worker that died, and give its task to another."""
        worker = self._workers.pop(pipe)
        pipe.close()
        worker.process.join()
        task = worker.task
        if task is None:
            return
        self._tries[task] = self._tries.get(task, 0) + 1
        if self._tries[task] < TRIES:
            queue.add(task)
            return
        code = worker.process.exitcode
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        problem = f"the process that looked at it {ended}, {TRIES} times"
        queue.settle(task, Done(problem=problem), listener)

    def _end(self) -> None:
        for pipe, worker in self._workers.items():
            pipe.close()
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join()
        self._workers.clear()


def _work(settings: WorkerSettings, pipe: Connection) -> None:
    """Do what comes through a pipe until it is closed, apart from the terminal's signals."""
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = None
    while True:
        try:
            task = pipe.recv()
            worker = worker or _made(settings)
            done = worker if isinstance(worker, Done) else worker.run(task, _Told(pipe))
            pipe.send(done)
        except (EOFError, OSError):  # nobody waits any more
            return


def _made(settings: WorkerSettings) -> Worker | Done:
    try:
        return Worker(settings)
    except Exception as error:  # noqa: BLE001  (told where the tasks come from)
        return Done(problem=str(error), fatal=True)


class _Told:
    """Tells through a pipe how many frames are done since it last did."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._told = pipe, 0

    def __call__(self, n_frames: int) -> None:
        self._pipe.send(n_frames - self._told)
        self._told = n_frames
