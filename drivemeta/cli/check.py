"""`drivemeta check`: what is in a support set, before anything is learnt from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import JsonOption, ReadOption, check_writable, emit_json
from drivemeta.cli.shown import console, new_table, noted

if TYPE_CHECKING:
    from drivemeta.data.dataset import Dataset


def check(
    support: Annotated[
        Path,
        typer.Argument(help="Annotations in any format known, or a folder of crops a class."),
    ],
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    read: ReadOption = None,
    out: Annotated[
        Path | None, typer.Option(help="A picture (.png) to draw: all images with their boxes.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read a support set as `adapt` does, and learn nothing.

    Says what was recognised, what was set aside and why, and what looks odd.
    """
    from drivemeta.data.check_sheet import write_check_sheet
    from drivemeta.data.findings import findings_json
    from drivemeta.data.readers.reading import parse_reading
    from drivemeta.data.support import SupportSet

    if out is not None:
        check_writable(out, ".png")
    found = SupportSet.from_path(support, images, parse_reading(read or []))
    if out is not None:
        write_check_sheet(found.dataset, out)
    if as_json:
        emit_json(findings_json(found.dataset))
        return
    _show(found.dataset)
    if out is not None:
        console().print(f"sheet     {out}")


def show_notes(dataset: Dataset) -> None:
    """Print what was set aside, and what looks odd."""
    from drivemeta.data.findings import set_aside_lines

    shown = console()
    for line in set_aside_lines(dataset):
        shown.print(f"set aside {line}", highlight=False)
    for note in dataset.notes:
        shown.print(noted("note      ", note))


def _show(dataset: Dataset) -> None:

    table = new_table("class", "boxes", "images", "sides in pixels")
    for label, (name, n_boxes) in enumerate(dataset.n_boxes().items()):
        shots = [image[(image.labels == label) & ~image.ignore] for image in dataset.images]
        sides = [
            side for image in shots for side in (image.boxes[:, 2:] - image.boxes[:, :2]).max(1)
        ]
        n_images = sum(len(image) > 0 for image in shots)
        table.add_row(name, str(n_boxes), str(n_images), f"{min(sides):.0f} to {max(sides):.0f}")
    n_empty = sum(not len(image) for image in dataset.images)
    shown = console()
    shown.print(f"format    {dataset.format}", highlight=False)
    shown.print(f"images    {len(dataset)}, of which {n_empty} without a box", highlight=False)
    shown.print(table)
    show_notes(dataset)
