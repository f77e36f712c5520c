"""Many videos from the command line: a bar a video, and a list of what failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drivemeta.cli.common import emit_json
from drivemeta.cli.shown import console, progress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from drivemeta.video.job import Job
    from drivemeta.video.jobs import JobOutcome

SUMMARY_NAME = "videos.json"


def process_many(
    pattern: Job,
    videos: Mapping[str, Path],
    n_jobs: int,
    as_json: bool,
    ray: str | None = None,
    gpus: float = 0.0,
) -> None:
    """Process videos, each into a folder of its name; exit with 1 if not all went well.

    Args:
        pattern: Job that each video's is made from.
        videos: Videos by name.
        n_jobs: Number of videos at a time; they share the cores.
        as_json: Whether to print the outcomes on standard output.
        ray: Ray cluster that they are processed on; None for this machine.
        gpus: GPUs of each video on the cluster.
    """
    from drivemeta.errors import InputError
    from drivemeta.files import run_folder, write_text
    from drivemeta.runtime.cores import usable_cores
    from drivemeta.runtime.model_file import read_model_file
    from drivemeta.runtime.providers import requested_providers
    from drivemeta.video.jobs import run_many
    from drivemeta.video.opening import model_path

    if pattern.metrics is not None and n_jobs > 1:
        raise InputError("--metrics is for one video at a time: leave out --jobs, or --metrics")
    requested_providers(pattern.options.provider)  # what is wrong here would fail each video
    read_model_file(model_path(pattern.model))
    cores = max(1, usable_cores() // n_jobs) if ray is None else 1
    jobs = {
        name: replace(pattern, source=str(path), out=pattern.out / name, cores=cores)
        for name, path in videos.items()
    }
    if ray is not None:
        jobs = {name: _anywhere(job) for name, job in jobs.items()}
    with run_folder(pattern.out) as out:
        with progress() as bar:
            bars = _Bars(bar, len(jobs))
            if ray is None:
                outcomes = run_many(jobs, n_jobs, bars)
            else:
                from drivemeta.fleet.videos import run_on_ray

                outcomes = run_on_ray(jobs, ray, gpus, bars)
        rows = {name: asdict(outcome) for name, outcome in outcomes.items()}
        text = json.dumps(rows, indent=1, ensure_ascii=False)
        write_text(out / SUMMARY_NAME, text + "\n")
    if as_json:
        emit_json(rows)
    _show(outcomes)
    if any(outcome.state in ("failed", "interrupted") for outcome in outcomes.values()):
        raise typer.Exit(1)


def _anywhere(job: Job) -> Job:
    """Return a job whose paths mean the same in any folder."""
    model = None if job.model is None else job.model.absolute()
    place = Path(job.source)
    source = str(place.absolute()) if place.exists() else job.source
    return replace(job, source=source, out=job.out.absolute(), model=model)


class _Bars:
    """A bar for each video that runs, above one for all; a line for each that ended."""

    def __init__(self, bar: Progress, n_videos: int) -> None:
        self._bar, self._tasks = bar, dict[str, "TaskID"]()
        self._all = bar.add_task("videos", total=n_videos)

    def started(self, name: str) -> None:
        """Add a bar."""
        self._tasks[name] = self._bar.add_task(name, total=None)

    def advanced(self, name: str, done: int, total: int | None) -> None:
        """Move it."""
        self._bar.update(self._tasks[name], completed=done, total=total)

    def ended(self, name: str, outcome: JobOutcome) -> None:
        """Take it away and say what came of the video."""
        if name in self._tasks:
            self._bar.remove_task(self._tasks.pop(name))
        self._bar.advance(self._all)
        if outcome.state != "skipped":
            frames = outcome.summary.get("frames")
            told = f", {frames} frames, {outcome.summary['fps']} a second" if frames else ""
            self._bar.console.print(f"{name}: {outcome.state}{told}")


def _show(outcomes: Mapping[str, JobOutcome]) -> None:
    shown = console()
    counts = Counter(outcome.state for outcome in outcomes.values())
    shown.print(", ".join(f"{n} {state}" for state, n in counts.items()))
    for name, outcome in outcomes.items():
        if outcome.state == "failed":
            shown.print(f"{name}: {outcome.problem}")
        for note in outcome.summary.get("notes", ()):
            shown.print(f"{name}: note: {note}")
    if counts["interrupted"]:
        shown.print("interrupted: the same command goes on")
