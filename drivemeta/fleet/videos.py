"""`drivemeta process` over many videos on a Ray cluster, a task each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivemeta.fleet.cluster import joined
from drivemeta.video.job import Job
from drivemeta.video.jobs import JobOutcome, Listener, outcome_of, unfinished
from drivemeta.video.signals import stop_on_signals

RETRIES = 4  # of a video whose machine died; it goes on where its journal ends
LOOK_S = 0.5


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
        running: dict[Any, str] = {}
        for name, job in waiting.items():
            task = ray.remote(outcome_of).options(
                name=name, num_cpus=job.cores or 1, num_gpus=gpus, max_retries=RETRIES
            )
            running[task.remote(job)] = name
            listener.started(name)
        while running and not stop.asked:
            refs, _ = ray.wait(list(running), num_returns=1, timeout=LOOK_S)
            for ref in refs:
                name = running.pop(ref)
                try:
                    outcomes[name] = ray.get(ref)
                except ray.exceptions.RayError as error:
                    outcomes[name] = JobOutcome("failed", str(error).splitlines()[0])
                listener.ended(name, outcomes[name])
        for ref in running:
            ray.cancel(ref)
    return {name: outcomes.get(name, JobOutcome("interrupted")) for name in jobs}
