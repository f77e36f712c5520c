"""`drivemeta process` over many videos on a Ray cluster, a task each.

One whose machine died goes on where its journal ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drivemeta.fleet.cluster import joined
from drivemeta.fleet.tasks import RETRIES, finished
from drivemeta.video.job import Job
from drivemeta.video.jobs import JobOutcome, Listener, outcome_of, unfinished
from drivemeta.video.signals import stop_on_signals


def run_on_ray(
    jobs: Mapping[str, Job], address: str, gpus: float, listener: Listener
) -> dict[str, JobOutcome]:
    """Run jobs by name on a cluster; a signal starts no more and ends those that run.

    Videos, models and the folders of the runs must be within reach of all its machines.

    Args:
        jobs: Jobs; each takes as many CPUs as it may use cores.
        address: Cluster, see `joined`.
        gpus: GPUs that each takes, parts of one included.
        listener: What hears how the videos get on.

    Returns:
        The outcome of each job, as `run_many` gives them.
    """
    outcomes, waiting = unfinished(jobs, listener)
    with joined(address) as ray, stop_on_signals() as stop:

        def asked() -> Iterator[tuple[str, Any]]:
            for name, job in waiting.items():
                task = ray.remote(outcome_of).options(
                    name=name, num_cpus=job.cores or 1, num_gpus=gpus, max_retries=RETRIES
                )
                listener.started(name)
                yield name, task.remote(job)

        for name, came in finished(ray, asked(), lambda: stop.asked):
            if isinstance(came, Exception):
                came = JobOutcome("failed", str(came).splitlines()[0])
            outcomes[name] = came
            listener.ended(name, came)
    return {name: outcomes.get(name, JobOutcome("interrupted")) for name in jobs}
