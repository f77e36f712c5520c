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
    source: Annotated[Path, typer.Argument(help="A video file or a folder of images.")],
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
    encoder: Annotated[str, typer.Option(help="h264, openh264 or mpeg4.")] = "h264",
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Detect and track in a video or a folder of images.

    Without --model, the shipped base runs. A summary is printed and written beside the results.
    """
    import json
    import time

    from drivemeta.files import write_text
    from drivemeta.video.api import Options, open_source, run

    opened = open_source(source)
    keep = tuple(name.strip() for name in classes.split(",")) if classes else None
    options = Options(tracker, every, batch, min_score, keep, provider)
    built = build_sinks(sinks, out, encoder)
    with progress() as bar:
        task = bar.add_task(source.name, total=opened.info().n_frames)
        started = time.perf_counter()

        def advance(done: int, _total: int | None) -> None:
            rate = done / (time.perf_counter() - started)
            bar.update(task, completed=done, description=f"{source.name} {rate:.1f} frames/s")

        summary = run(opened, model, built, options, advance)
    result = {"source": str(source), "model": str(model) if model else "base", **summary.as_json()}
    write_text(out / "summary.json", json.dumps(result, indent=2) + "\n")
    if as_json:
        emit_json(result)
    else:
        show_summary(summary)
    if summary.interrupted:
        raise typer.Exit(1)


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
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    loaded = {name: registry.load("sink", name) for name in wanted}
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
        shown.print("interrupted: the files end where the run was")
    if summary.corrupt:
        shown.print(f"{summary.corrupt} damaged packets or files were skipped")
    if summary.ended_early:
        shown.print("the source ended before its announced end: it may be cut off")
    for path in summary.files:
        shown.print(str(path))
