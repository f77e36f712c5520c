"""Tasks on a Ray cluster that need no worker of their own: what dies is begun again by Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

RETRIES = 4  # of a task whose worker or machine died
AT_ONCE = 1000  # tasks that are asked for: a cluster grows for them, and what is done stays small
LOOK_S = 0.5

Name = TypeVar("Name")


def finished(
    ray: Any, tasks: Iterable[tuple[Name, Any]], stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Name, Any]]:
    """Yield what comes of tasks, each as it ends: its value, or the RayError that ended it.

    Args:
        ray: Ray's module.
        tasks: Names and references; drawn when there is room for more.
        stopped: Function that tells whether to stop; what still runs is then cancelled.
    """
    left, running = iter(tasks), dict[Any, Name]()
    try:
        while not stopped():
            running.update((ref, name) for name, ref in islice(left, AT_ONCE - len(running)))
            if not running:
                return
            refs, _ = ray.wait(list(running), num_returns=1, timeout=LOOK_S)
            for ref in refs:
                name = running.pop(ref)
                try:
                    came = ray.get(ref)
                except ray.exceptions.RayError as error:
                    came = error
                yield name, came
    finally:
        for ref in running:
            ray.cancel(ref)
