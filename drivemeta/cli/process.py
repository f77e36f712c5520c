"""`drivemeta process`: a video in, annotated video and results out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import (
    GpusOption,
    JsonOption,
    ModelOption,
    NameOption,
    Precision,
    ProviderOption,
    RayOption,
    emit_json,
    panel,
    with_names,
)
from drivemeta.cli.fast import TRACKER, model_in_form
from drivemeta.cli.invocation import PluginPathOption, registry_of
from drivemeta.cli.shown import console, new_table, progress

if TYPE_CHECKING:
    from drivemeta.video.job import Job
    from drivemeta.video.summary import RunSummary

REGION, DETECTION = panel("Part and classes"), panel("Detection and tracking")
OUTPUT, SPEED = panel("Output"), panel("Performance")


def process(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="A video, a folder, a list, 'a/*.mp4', a URL, camera:0, synthetic, or NAME:PLACE "
            "of a source plugin."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    model: ModelOption = None,
    name: NameOption = None,
    provider: ProviderOption = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A plugin's parameter, PLUGIN.NAME=VALUE; may be repeated."),
    ] = None,
    plugin_path: PluginPathOption = None,  # noqa: ARG001  (its callback does it)
    start: Annotated[
        str | None, REGION(help="Time to begin at: seconds, or MINUTES:SECONDS.")
    ] = None,
    end: Annotated[str | None, REGION(help="Time to end at.")] = None,
    roi: Annotated[
        str | None,
        REGION(help="Detect only in x1,y1,x2,y2: pixels, or parts up to 1."),
    ] = None,
    classes: Annotated[str | None, REGION(help="Keep only these, comma-separated.")] = None,
    min_score: Annotated[
        float | None,
        REGION(min=0, max=1, help="In place of each class's own threshold."),
    ] = None,
    tracker: Annotated[
        str | None, DETECTION(help="Tracker plugin: botsort, with --fast bytetrack.")
    ] = None,
    scheduler: Annotated[str, DETECTION(help="Scheduler: fixed, heuristic or rl2.")] = "fixed",
    every: Annotated[int, DETECTION(min=1, help="Run the network on every Nth frame.")] = 1,
    tiles: Annotated[
        str | None,
        DETECTION(help="Detect in ROWSxCOLUMNS tiles, too, for far signs: 2x2."),
    ] = None,
    tile_merge: Annotated[
        str,
        DETECTION(help="Boxes of overlapping tiles: nms keeps the best, wbf the mean."),
    ] = "nms",
    small_model: Annotated[
        Path | None,
        DETECTION(help="The same model of a smaller input, for schedulers."),
    ] = None,
    max_latency_ms: Annotated[
        float | None,
        DETECTION(help="Of live sources: skip frames that would be older."),
    ] = None,
    sinks: Annotated[str, OUTPUT(help="Sink plugins, comma-separated.")] = "mp4,jsonl",
    encoder: Annotated[str, OUTPUT(help="h264, openh264 or mpeg4.")] = "h264",
    labels: Annotated[
        str, OUTPUT(help="What labels of the video say: name,score,id, some of these, or none.")
    ] = "name,score,id",
    metrics: Annotated[
        str | None,
        OUTPUT(help="Serve metrics for Prometheus on PORT or HOST:PORT."),
    ] = None,
    fresh: Annotated[
        bool,
        OUTPUT("--fresh", help="Begin anew where an unfinished run was left."),
    ] = False,
    batch: Annotated[int, SPEED(min=1, max=256, help="Most frames in one run of the network.")] = 1,
    workers: Annotated[
        int | None,
        SPEED(min=1, max=64, help="Frames at a time, on CPUs; by default what suits."),
    ] = None,
    fast: Annotated[
        bool,
        SPEED("--fast", help="int8 at 384x640 and a cheap tracker: quick, and finds less."),
    ] = False,
    precision: Annotated[
        Precision | None, SPEED(help="Run the model in fp16 or int8, made on first use.")
    ] = None,
    jobs: Annotated[
        int,
        SPEED(min=1, max=64, help="Videos at a time, of a folder, list or pattern."),
    ] = 1,
    ray: RayOption = None,
    gpus: GpusOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Detect and track in a video, a folder of images, or many videos.

    Many videos are a folder of them, a text file with a path a line, or a pattern in quotes; each
    gets a folder of its own in --out, and those finished before are left alone.

    Without --model, the shipped base runs. A summary is printed and written beside the results.
    Killed or interrupted, the same command goes on where it was.
    """
    from drivemeta.errors import InputError
    from drivemeta.plugins.settings import parse_settings
    from drivemeta.runtime.slicing import merging_of
    from drivemeta.video.job import Job
    from drivemeta.video.options import Options
    from drivemeta.video.video_lists import many_videos

    given = parse_settings(settings or [])
    registry, names = registry_of(ctx), _names(sinks)
    if not names:
        known = ", ".join(registry.names("sink"))
        raise InputError(f"--sinks: expected one or more, found none in {sinks!r}; known: {known}")
    if "mp4" in names:
        given["mp4"] = {"encoder": encoder, "labels": labels, **given.get("mp4", {})}
    options = Options(
        tracker=tracker or (TRACKER if fast else Options.tracker),
        every=every,
        batch=batch,
        min_score=min_score,
        classes=tuple(_names(classes)) if classes else None,
        provider=provider,
        start_s=parse_time(start, "--start") or 0.0,
        end_s=parse_time(end, "--end"),
        roi=_region(roi),
        tiles=_tiles(tiles),
        tile_merge=merging_of(tile_merge),
        max_latency_ms=max_latency_ms,
        workers=workers,
        scheduler=scheduler,
        small_model=None if small_model is None else str(small_model),
        settings=given,
    )
    job = Job(
        source=source,
        out=out,
        model=model_in_form(with_names(model, name), precision, fast=fast),
        sinks=tuple(names),
        options=options,
        fresh=fresh,
        metrics=metrics,
        registry=registry,
    )
    videos = many_videos(source, registry)
    if videos is None and ray is not None:
        raise InputError("--ray: expected many videos, a folder, list or pattern, found one stream")
    if videos is None:
        _process_one(job, as_json)
    else:
        from drivemeta.cli.process_many import process_many

        if note := videos.note():
            console().print(f"note: {note}", markup=False)
        process_many(job, videos.paths, jobs, as_json, ray, gpus)


def _process_one(job: Job, as_json: bool) -> None:
    import time

    name = Path(job.source).name
    with progress() as bar:
        task, started = bar.add_task(name, total=None), time.perf_counter()

        def advance(so_far: RunSummary, total: int | None) -> None:
            done = so_far.frames
            rate = done / (time.perf_counter() - started)
            shown = f"{name} {rate:.1f} frames/s"
            bar.update(task, completed=done, total=total, description=shown)

        summary = job.run(advance)
    if as_json:
        emit_json(job.as_json(summary))
    else:
        show_summary(summary)
    if summary.interrupted:
        raise typer.Exit(1)


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def parse_time(text: str | None, option: str) -> float | None:
    """Read seconds, `MINUTES:SECONDS` or `HOURS:MINUTES:SECONDS` as seconds.

    Raises:
        InputError: it is none of these.

    >>> [parse_time(text, "--start") for text in ("90", "1:30", "0:01:30.5")]
    [90.0, 90.0, 90.5]
    """
    import re

    from drivemeta.errors import InputError

    if text is None:
        return None
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", text.strip())
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0, 0, 0)
    too_many = match and ((match[2] and seconds >= 60) or (match[1] and minutes >= 60))
    if not match or too_many:
        raise InputError(
            f"{option}: expected seconds such as 90 or 1.5, or a time such as 1:30 or 0:01:30, "
            f"found {text!r}"
        )
    return 3600 * hours + 60 * minutes + seconds


def _region(text: str | None) -> tuple[float, float, float, float] | None:
    from drivemeta.errors import InputError

    if text is None:
        return None
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--roi: expected x1,y1,x2,y2, found {text!r}") from error
    return x1, y1, x2, y2


def _tiles(text: str | None) -> tuple[int, int] | None:
    import re

    from drivemeta.errors import InputError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text.strip())
    if match is None:
        raise InputError(f"--tiles: expected ROWSxCOLUMNS such as 2x2, found {text!r}")
    return int(match[1]), int(match[2])


def show_summary(summary: RunSummary) -> None:
    """Print a run's summary for people."""
    from drivemeta.cli.stage_table import advice, stage_table

    shown = console()
    table = new_table("class", "detections")
    for name, count in summary.detections.most_common():
        table.add_row(name, str(count))
    shown.print(table)
    shown.print(
        f"{summary.frames} frames in {summary.seconds:.1f} s, {summary.fps:.1f} a second on "
        f"{summary.provider}; {summary.tracks} tracks"
    )
    shown.print(stage_table(summary))
    shown.print(advice(summary))
    if summary.interrupted:
        shown.print("interrupted: the files end here; the same command goes on")
    if summary.resumed:
        shown.print(f"{summary.resumed} frames were taken over from the run that was cut off")
    if summary.clock.dropped:
        shown.print(f"{summary.clock.dropped} frames were dropped to keep up")
    if summary.corrupt:
        shown.print(f"{summary.corrupt} damaged packets or files were skipped")
    if summary.ended_early:
        shown.print("the source ended before its announced end: it may be cut off")
    for note in summary.notes:
        shown.print(f"note: {note}", markup=False)
    for path in summary.files:
        shown.print(str(path))
