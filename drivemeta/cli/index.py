"""`drivemeta index`: look at videos once, so that classes learnt later can be searched for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import (
    GpusOption,
    JsonOption,
    ProviderOption,
    RayOption,
    emit_json,
    panel,
)
from drivemeta.cli.invocation import PluginPathOption, registry_of
from drivemeta.cli.shown import console, noted, progress

if TYPE_CHECKING:
    from rich.progress import Progress

    from drivemeta.archive.engine import Engine
    from drivemeta.archive.index import IndexReport
    from drivemeta.archive.places import Video
    from drivemeta.archive.worker import Done, Task, WorkerSettings

SPEED = panel("Performance")
MOST_JOBS = 4  # by default: each holds the networks in memory


def index(
    ctx: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(help="Videos, folders, lists, patterns, recordings, or URLs (s3://...)."),
    ],
    out: Annotated[str, typer.Option(help="The archive: a folder, or a URL of a prefix.")],
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second to look at; 2 for a new archive. Images: all."),
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="A base of your own (.onnx); else, the shipped one.")
    ] = None,
    least_score: Annotated[
        float | None, typer.Option(help="Level 1's score from which boxes are kept; 0.2.")
    ] = None,
    provider: ProviderOption = "auto",
    jobs: Annotated[
        int | None, SPEED(min=1, max=256, help="Workers on this machine; by default what suits.")
    ] = None,
    batch: Annotated[int, SPEED(min=1, max=256, help="Most frames in one run.")] = 1,
    ray: RayOption = None,
    gpus: GpusOption = 0.0,
    plugin_path: PluginPathOption = None,  # noqa: ARG001  (its callback does it)
    as_json: JsonOption = False,
) -> None:
    """Look at videos once; what is found and how it looks is kept in an archive.

    Killed or interrupted, the same command goes on where it was: what is in the archive is left
    alone. `drivemeta search` finds in it what a class learnt later looks like.
    """
    from drivemeta.archive.extra import needed

    for module in ("pyarrow", "fsspec"):
        needed(module)
    from drivemeta.archive.index import index as look
    from drivemeta.archive.places import find_videos
    from drivemeta.video.signals import stop_on_signals

    videos, notes = find_videos(places, registry_of(ctx))
    settings = _prepared(out, fps, base, least_score, provider, batch)
    engine = _engine(settings, jobs) if ray is None else _on_ray(settings, jobs, ray, gpus)
    with progress() as bar, stop_on_signals() as stop:
        report = look(videos, engine, IndexBar(bar, len(videos)), lambda: stop.asked)
    if as_json:
        emit_json({"archive": out, **report.as_json()})
    _show(report, [*notes], out)
    if report.problems or report.interrupted:
        raise typer.Exit(1)


def _prepared(
    out: str,
    fps: float | None,
    base: Path | None,
    least_score: float | None,
    provider: str,
    batch: int,
) -> WorkerSettings:
    """Open the archive or make it; return what its workers are made of."""
    from drivemeta.archive.base_facts import BaseFacts
    from drivemeta.archive.looking import LEAST_SCORE, checked_score
    from drivemeta.archive.store import open_if_there, open_or_make
    from drivemeta.archive.worker import WorkerSettings
    from drivemeta.errors import InputError
    from drivemeta.export.looking import looking_model
    from drivemeta.runtime.model_file import read_model_file
    from drivemeta.runtime.providers import requested_providers
    from drivemeta.shipped import base_onnx

    requested_providers(provider)
    if fps is not None and not 0 < fps < float("inf"):
        raise InputError(f"--fps: expected a rate above 0, found {fps}")
    there = open_if_there(out)
    rate = fps or (there.fps if there else 2.0)
    score = least_score or (there.facts.least_score if there else LEAST_SCORE)
    file = read_model_file(base_onnx() if base is None else base)
    looking_model(file, checked_score(score))  # made once, before there are workers
    facts = BaseFacts.of(file, score)
    open_or_make(out, facts, rate, file.path.name)
    return WorkerSettings(out, str(file.path), provider, batch=batch)


def _engine(settings: WorkerSettings, jobs: int | None) -> Engine:
    from dataclasses import replace

    from drivemeta.archive.engine import Processes
    from drivemeta.runtime.cores import usable_cores

    cores = usable_cores()
    n_workers = jobs or min(cores, MOST_JOBS)
    return Processes(replace(settings, threads=max(1, cores // n_workers)), n_workers)


def _on_ray(settings: WorkerSettings, jobs: int | None, address: str, gpus: float) -> Engine:
    from dataclasses import replace

    from drivemeta.fleet.workers import RayWorkers, Share

    place = settings.archive
    place = place if "://" in place else str(Path(place).absolute())
    settings = replace(settings, archive=place, threads=1)
    return RayWorkers(settings, address, Share(jobs, gpus=gpus))


class IndexBar:
    """A bar of the frames of the segments that are known, and a line for what failed."""

    def __init__(self, bar: Progress, n_videos: int) -> None:
        self._bar, self._n_frames = bar, 0
        self._heard: dict[Task, int] = {}
        self._videos = bar.add_task("videos planned", total=n_videos)
        self._frames = bar.add_task("frames", total=0)

    def planned(self, video: Video, done: Done) -> None:
        """Count what is to be looked at."""
        self._n_frames += sum(len(segment.wanted) for segment in done.segments)
        self._bar.update(self._frames, total=self._n_frames)
        self._bar.advance(self._videos)
        if done.problem:
            self._bar.console.print(f"{video.place}: {done.problem}", markup=False)

    def advanced(self, task: Task, n_frames: int) -> None:
        """Move the bar."""
        self._heard[task] = self._heard.get(task, 0) + n_frames
        self._bar.advance(self._frames, n_frames)

    def ended(self, task: Task, done: Done) -> None:
        """Move the bar to the segment's end."""
        n_all = len(getattr(task, "wanted", ()))
        self._bar.advance(self._frames, max(0, n_all - self._heard.pop(task, 0)))
        if done.problem:
            self._bar.console.print(f"{place_of(task)}: {done.problem}", markup=False)


def place_of(task: Task) -> str:
    """Return the place of the video that a task is about."""
    from drivemeta.archive.places import Video

    return task.place if isinstance(task, Video) else task.video.place


def _show(report: IndexReport, notes: list[str], out: str) -> None:
    shown = console()
    shown.print(
        f"{report.n_done} segments of {report.n_segments} added to {out}, {report.n_there} were "
        f"there; {report.n_frames} frames, {report.n_boxes} boxes"
    )
    for note in notes:
        shown.print(noted("note     ", note))
    for video, told in report.notes.items():
        for note in told:
            shown.print(noted("note     ", f"{video}: {note}"))
    if report.n_missing:
        shown.print(noted("note     ", f"{report.n_missing} frames could not be decoded"))
    for video, told in report.problems.items():
        for problem in told:
            shown.print(noted("failed   ", f"{video}: {problem}", "red"))
    if report.interrupted:
        shown.print("interrupted: the same command goes on")
