"""`drivemeta adapt`: from a few annotated frames to a verified ONNX model."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import JsonOption, console, emit_json

if TYPE_CHECKING:
    from drivemeta.learn.adapt import Adapted


def adapt(
    support: Annotated[
        Path,
        typer.Argument(help="COCO JSON file, or a folder in YOLO, Pascal VOC or LabelMe format."),
    ],
    out: Annotated[Path, typer.Option(help="The ONNX model to write.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    learner: Annotated[str, typer.Option(help="Name of a learner plugin.")] = "protonet",
    shots: Annotated[int | None, typer.Option(help="Use only so many boxes a class.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw of the shots.")] = 0,
    parent: Annotated[
        str | None, typer.Option(help="Super-class of the new classes; found out by default.")
    ] = None,
    negatives: Annotated[
        Path | None, typer.Option(help="Folder of images that show none of the new classes.")
    ] = None,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Every instance in the frames is annotated.")
    ] = False,
    base: Annotated[
        Path | None, typer.Option(help="Weights (.safetensors) to start from; else the shipped.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn new classes from a few annotated frames; write an ONNX model.

    Beside the model come a contact sheet of the support crops (.crops.png) and a report
    (.report.json).
    """
    import json

    from drivemeta.data.contact_sheet import write_contact_sheet
    from drivemeta.data.support import SupportSet
    from drivemeta.export import verify_model
    from drivemeta.files import write_text
    from drivemeta.learn.adapt import adapt as learn
    from drivemeta.models.store import load_base, load_detector

    started = time.perf_counter()
    check_writable(out, ".onnx")
    given = SupportSet.from_path(support, images)
    chosen = given if shots is None else given.draw(shots, seed)
    with console().status(f"adapting to {', '.join(chosen.classes)}"):
        adapted = learn(
            load_detector(base) if base else load_base(),
            chosen,
            learner,
            parent=parent,
            negatives=image_files(negatives) if negatives else (),
            exhaustive=exhaustive,
        )
        adapted.export(out)
        verify_model(out, provider="cpu")
    sheet = out.with_suffix(".crops.png")
    notes = {
        row.name: f"{row.shots} shots, threshold {row.threshold:.2f}" for row in adapted.classes
    }
    write_contact_sheet(chosen, sheet, notes)
    report = {
        "model": str(out),
        "contact_sheet": str(sheet),
        "learner": learner,
        "classes": [asdict(row) for row in adapted.classes],
        "images": len(chosen.images),
        "adapt_seconds": round(adapted.seconds, 2),
        "seconds": round(time.perf_counter() - started, 2),
    }
    write_text(out.with_suffix(".report.json"), json.dumps(report, indent=2) + "\n")
    if as_json:
        emit_json(report)
    else:
        _show(adapted, report)


def check_writable(path: Path, suffix: str) -> None:
    """Refuse an output file that cannot be written, before any work is done.

    Raises:
        InputError: the suffix is another.
        OutputError: the folder is no folder or may not be written.
    """
    import os

    from drivemeta.errors import InputError, OutputError

    if path.suffix != suffix:
        raise InputError(f"--out: expected a file name that ends in {suffix}, found {path}")
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error}") from error
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission, or it is a folder")


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, sorted.

    Raises:
        InputError: there are none.
    """
    from drivemeta.errors import InputError

    endings = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in endings)
    if not files:
        raise InputError(f"expected images (.jpg, .png, .webp, ...), found none in {folder}")
    return files


def _show(adapted: Adapted, report: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("class", "found as", "shots", "found by the base", "threshold")
    for row in adapted.classes:
        doubt = " (low confidence)" if row.low_confidence else ""
        table.add_row(
            row.name,
            row.parent or "a new kind of object",
            str(row.shots),
            f"{row.found} of {row.shots}",
            f"{row.threshold:.2f}{doubt}",
        )
    shown = console()
    shown.print(table)
    shown.print(f"model    {report['model']} (verified)")
    shown.print(f"crops    {report['contact_sheet']}")
    shown.print(
        f"time     {report['seconds']:.1f} s, of which learning {report['adapt_seconds']:.1f} s"
    )
