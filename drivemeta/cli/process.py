"""`drivemeta process`: a video in, annotated video and results out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import (
    JsonOption,
    ModelOption,
    ProviderOption,
    console,
    emit_json,
    progress,
)

if TYPE_CHECKING:
    from drivemeta.plugins.protocols import Sink
    from drivemeta.video.api import RunSummary


def process(
    source: Annotated[
        str,
        typer.Argument(help="A video file, a folder of images, 'a/*.png', a URL or camera:0."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    model: ModelOption = None,
    sinks: Annotated[str, typer.Option(help="Sink plugins, comma-separated.")] = "mp4,jsonl",
    tracker: Annotated[str, typer.Option(help="Tracker plugin.")] = "botsort",
    every: Annotated[int, typer.Option(min=1, help="Look at every Nth frame.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Most frames a run of the network.")] = 1,
    classes: Annotated[str | None, typer.Option(help="Keep only these, comma-separated.")] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="In place of each class's own threshold.")
    ] = None,
    start: Annotated[float, typer.Option(min=0, help="Seconds to pass over.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="Second to end at.")] = None,
    roi: Annotated[
        str | None, typer.Option(help="Look only at x1,y1,x2,y2: pixels, or parts up to 1.")
    ] = None,
    tiles: Annotated[
        str | None, typer.Option(help="Look at ROWSxCOLUMNS tiles too, for far signs: 2x2.")
    ] = None,
    max_latency_ms: Annotated[
        float | None, typer.Option(help="Of live sources: skip frames that would be older.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="h264, openh264 or mpeg4.")] = "h264",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where an unfinished run was left.")
    ] = False,
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Detect and track in a video or a folder of images.

    Without --model, the shipped base runs. A summary is printed and written beside the results.
    Killed or interrupted, the same command goes on where it was.
    """
    import json
    import time

    from drivemeta.files import write_text
    from drivemeta.video.api import Options, load_detector, model_path, open_source, run
    from drivemeta.video.build import build_pipeline, clipped
    from drivemeta.video.identity import run_identity
    from drivemeta.video.journal import Journal

    opened = open_source(source)
    keep = tuple(name.strip() for name in classes.split(",")) if classes else None
    options = Options(
        *(tracker, every, batch, min_score, keep, provider, start, end),
        roi=_region(roi),
        tiles=_tiles(tiles),
        max_latency_ms=max_latency_ms,
    )
    built = build_sinks(sinks, out, encoder)
    path = model_path(model)
    detector = load_detector(path, provider)
    identity = run_identity(path, source, options, [*_names(sinks), encoder])
    build_pipeline(detector, options)  # before anything is written: what does not fit is told
    clipped(opened, options)
    live = opened.info().live  # what is gone cannot be read again
    journal = None if live else Journal(out, identity, detector.classes, fresh=fresh)
    name = Path(source).name
    with progress() as bar:
        task = bar.add_task(name, total=opened.info().n_frames)
        started = time.perf_counter()

        def advance(done: int, _total: int | None) -> None:
            rate = done / (time.perf_counter() - started)
            bar.update(task, completed=done, description=f"{name} {rate:.1f} frames/s")

        summary = run(opened, detector, built, options, advance, journal)
    result = {"source": source, "model": str(model) if model else "base", **summary.as_json()}
    write_text(out / "summary.json", json.dumps(result, indent=2) + "\n")
    if as_json:
        emit_json(result)
    else:
        show_summary(summary)
    if summary.interrupted:
        raise typer.Exit(1)


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


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


def build_sinks(names: str, out: Path, encoder: str) -> list[Sink]:
    """Return the sink plugins named, writing to a folder.

    Raises:
        PluginNotFoundError: there is no such sink.
        OutputError: the folder is a file, or may not be written.
    """
    import os

    from drivemeta.errors import OutputError
    from drivemeta.plugins.parameters import parameters
    from drivemeta.plugins.registry import default_registry

    registry = default_registry()
    loaded = {name: registry.load("sink", name) for name in _names(names)}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {out}: {error.strerror}") from error
    if not os.access(out, os.W_OK):
        raise OutputError(f"no permission to write into {out}")
    extra = {"encoder": encoder}
    return [
        registry.create(
            "sink", name, folder=out, **{k: v for k, v in extra.items() if k in parameters(cls)}
        )
        for name, cls in loaded.items()
    ]


def show_summary(summary: RunSummary) -> None:
    """Print a run's summary for people."""
    from rich.table import Table

    shown = console()
    table = Table("class", "detections")
    for name, count in summary.detections.most_common():
        table.add_row(name, str(count))
    shown.print(table)
    shown.print(
        f"{summary.frames} frames in {summary.seconds:.1f} s, {summary.fps:.1f} a second on "
        f"{summary.provider}; {summary.tracks} tracks"
    )
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
    for path in summary.files:
        shown.print(str(path))
