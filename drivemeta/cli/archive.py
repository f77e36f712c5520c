"""`drivemeta archive`: tell of an archive of videos, verify it, make its files fewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import JsonOption, emit_json
from drivemeta.cli.shown import console, new_table, noted, progress

if TYPE_CHECKING:
    from drivemeta.archive.scores import Scorer
    from drivemeta.archive.store import Archive
    from drivemeta.archive.upkeep import Checked

app = typer.Typer(
    help="Tell of an archive of videos, verify it, make its files fewer.", no_args_is_help=True
)
PlaceArgument = Annotated[str, typer.Argument(help="The archive that `drivemeta index` made.")]


@app.command()
def info(
    archive: PlaceArgument,
    by: Annotated[
        str | None,
        typer.Option(help="Count the boxes that are reported by some of class,video,hour."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="With --by: the model that reports; else, the shipped base."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what an archive holds, and count what a model finds in it."""
    from dataclasses import asdict

    from drivemeta.archive.counts import count, totals

    store = _opened(archive)
    held = totals(store)
    said: dict[str, Any] = {"archive": archive, "fps": store.fps, "base": store.base_file}
    said |= {"least_score": store.facts.least_score, **asdict(held)}
    shown = console()
    if by is not None:
        with progress() as bar:
            task = bar.add_task("files counted", total=held.n_files)
            keys = [key.strip() for key in by.split(",")]
            rows, _ = count(store, _scorer(store, model), keys, lambda n: bar.advance(task, n))
        said["counts"] = rows
        table = new_table(*keys, "boxes", n_left=len(keys))
        for row in rows:
            table.add_row(*map(str, row.values()))
        shown.print(table)
    if as_json:
        emit_json(said)
    shown.print(
        f"{held.n_videos} videos, {held.n_segments} of {held.n_planned} segments in {held.n_files} "
        f"files of {held.n_bytes / 1e6:.1f} MB"
    )
    shown.print(
        f"{held.n_frames} frames looked at, {store.fps:g} a second, {held.n_empty} without a box; "
        f"{held.n_boxes} boxes that level 1 scores {store.facts.least_score:g} or more"
    )
    for video, notes in held.notes.items():
        for note in notes:
            shown.print(noted("note     ", f"{video}: {note}"))
    for problem in held.damaged:
        shown.print(noted("damaged  ", f"{problem.path}: {problem.reason}", "red"))
    if held.damaged:
        raise typer.Exit(1)


@app.command()
def verify(archive: PlaceArgument, as_json: JsonOption = False) -> None:
    """Read every file of an archive, and name what is damaged, missing or foreign."""
    from dataclasses import asdict

    from drivemeta.archive.upkeep import verify as check

    store = _opened(archive)
    with progress() as bar:
        task = bar.add_task("files verified", total=len(store.files()))
        found = check(store, lambda n: bar.advance(task, n))
    if as_json:
        emit_json({"archive": archive, "sound": found.is_sound, **asdict(found)})
    _show(found)
    if not found.is_sound:
        raise typer.Exit(1)


@app.command()
def compact(archive: PlaceArgument, as_json: JsonOption = False) -> None:
    """Make one file of the many of a video; nobody should index into the archive meanwhile."""
    from drivemeta.archive.upkeep import compact as join

    store = _opened(archive)
    with progress() as bar:
        task = bar.add_task("videos", total=len(store.videos()))
        before, after = join(store, lambda n: bar.advance(task, n))
    if as_json:
        emit_json({"archive": archive, "n_before": before, "n_after": after})
    console().print(f"{before} files before, {after} after")


def _opened(place: str) -> Archive:
    from drivemeta.archive.extra import needed

    for module in ("pyarrow", "fsspec"):
        needed(module)
    from drivemeta.archive.store import open_archive

    return open_archive(place)


def _scorer(store: Archive, model: Path | None) -> Scorer:
    from drivemeta.archive.scores import Scorer
    from drivemeta.runtime.model_file import read_model_file
    from drivemeta.shipped import base_onnx

    file = read_model_file(base_onnx() if model is None else model)
    store.facts.check(file)
    for note in store.facts.notes_on(file):
        console().print(noted("note     ", note))
    return Scorer.of(file)


def _show(found: Checked) -> None:
    shown = console()
    shown.print(f"{found.n_files} files are sound: {found.n_rows} boxes, {found.n_frames} frames")
    for problem in found.damaged:
        shown.print(noted("damaged  ", f"{problem.path}: {problem.reason}", "red"))
    for path in found.others:
        shown.print(noted("foreign  ", f"{path}: none of the archive's, or never finished"))
    for path in found.twice:
        shown.print(noted("twice    ", f"{path}: another file holds its segments: compact again"))
    for video, numbers in found.unfinished.items():
        shown.print(noted("missing  ", f"{video}: {len(numbers)} segments: index it again"))
    if found.damaged:
        shown.print("remove what is damaged and index again: the rest is left alone")
