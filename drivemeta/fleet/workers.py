"""The engine of a cluster: an actor a worker, which holds one session; what dies is replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drivemeta.archive.engine import LOOK_S, IndexListener, Queue
from drivemeta.archive.places import Video
from drivemeta.archive.worker import Done, Task, Worker, WorkerSettings
from drivemeta.files import write_bytes
from drivemeta.fleet.cluster import cpus_of, joined
from drivemeta.paths import user_cache

TRIES = 5  # of a task whose worker or node died
MOST_WORKERS = 10_000


@dataclass(frozen=True)
class Share:
    """What a worker takes of the cluster.

    Attributes:
        n_workers: Number of workers; None for one a CPU that there is now. More than fit wait, and
            a cluster that grows by itself grows for them.
        cpus: CPUs of a worker.
        gpus: GPUs of a worker, parts of one included.
    """

    n_workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0


class FleetWorker:
    """A worker on some machine of the cluster; Ray makes it an actor.

    Args:
        settings: What it is made of.
        base: Bytes of the base, which need not lie on that machine.
    """

    def __init__(self, settings: WorkerSettings, base: bytes) -> None:
        name = hashlib.sha256(base).hexdigest()[:16]
        path = user_cache() / "fleet" / f"{name}.onnx"
        if not path.is_file():
            write_bytes(path, base)
        self._worker = Worker(replace(settings, base=str(path)))

    def ready(self) -> None:
        """Tell that it runs."""

    def run(self, task: Task) -> Done:
        """Do a task; see `Worker.run`."""
        return self._worker.run(task)


class RayWorkers:
    """An engine on a Ray cluster.

    The archive and the videos must be within reach of all its machines.

    Args:
        settings: What each worker is made of; its base is sent to them.
        address: Cluster, see `joined`.
        share: What a worker takes of it.
    """

    def __init__(self, settings: WorkerSettings, address: str, share: Share | None = None) -> None:
        self._settings, self._address, self._share = settings, address, share or Share()
        self._tries: dict[Task, int] = {}

    def run(
        self, tasks: Iterable[Task], listener: IndexListener, stopped: Callable[[], bool]
    ) -> None:
        """Run tasks, and those that come of them, until none is left or it is stopped."""
        queue = Queue(tasks)
        with joined(self._address) as ray:
            crew = _Crew(ray, self._settings, self._share)
            try:
                while queue or crew.busy:
                    if stopped():
                        return
                    crew.feed(queue)
                    for task, heard in crew.heard():
                        self._settle(task, heard, queue, listener)
            finally:
                crew.end()

    def _settle(
        self, task: Task, heard: Done | Exception, queue: Queue, listener: IndexListener
    ) -> None:
        """Take in what came of a task; one whose worker died is given to another."""
        if isinstance(heard, Done):
            queue.settle(task, heard, listener)
            return
        self._tries[task] = self._tries.get(task, 0) + 1
        if self._tries[task] < TRIES:
            queue.add(task)
            return
        said = str(heard).splitlines()[0]
        problem = f"what looked at it died, {TRIES} times: {said}"
        queue.settle(task, Done(problem=problem), listener)


class _Crew:
    """The actors: those that wait for a machine, those that have nothing to do, those that work."""

    def __init__(self, ray: Any, settings: WorkerSettings, share: Share) -> None:
        self._ray, self._settings, self._share = ray, settings, share
        self._base = ray.put(Path(settings.base).read_bytes())
        self._n_workers = share.n_workers or max(1, int(cpus_of(ray) / max(share.cpus, 0.1)))
        self._kind = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus)(FleetWorker)
        self._idle: list[Any] = []
        self._asked: dict[Any, tuple[Any, Task | None]] = {}

    @property
    def busy(self) -> bool:
        """Whether any has a task."""
        return any(task is not None for _, task in self._asked.values())

    def feed(self, queue: Queue) -> None:
        """Give tasks to those that have none; call for as many as there is work for."""
        while self._idle and queue:
            actor, task = self._idle.pop(), queue.take()
            ref = actor.run.options(name=_name(task)).remote(task)
            self._asked[ref] = actor, task
        waiting = sum(task is None for _, task in self._asked.values())
        there = len(self._idle) + len(self._asked)
        for _ in range(min(self._n_workers - there, len(queue) - waiting)):
            actor = self._kind.remote(self._settings, self._base)
            self._asked[actor.ready.remote()] = actor, None

    def heard(self) -> list[tuple[Task, Done | Exception]]:
        """Return what came of tasks in the meantime."""
        if not self._asked:
            return []
        refs, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=LOOK_S)
        found: list[tuple[Task, Done | Exception]] = []
        for ref in refs:
            actor, task = self._asked.pop(ref)
            try:
                done = self._ray.get(ref)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from error  # of its making: no other would fare better
            except self._ray.exceptions.RayError as error:  # it or its machine died
                self._ray.kill(actor)
                if task is not None:
                    found.append((task, error))
            else:
                self._idle.append(actor)
                if task is not None:
                    found.append((task, done))
        return found

    def end(self) -> None:
        """Send all of them home."""
        for actor in [*self._idle, *(actor for actor, _ in self._asked.values())]:
            self._ray.kill(actor)


def _name(task: Task) -> str:
    """Return what Ray's dashboard calls a task."""
    if isinstance(task, Video):
        return f"plan {Path(task.place).name}"
    return f"{Path(task.video.place).name} {task.number + 1}/{task.n_segments}"
