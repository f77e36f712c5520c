"""`drivemeta export`: a detector's weights as one ONNX file."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from drivemeta.cli.common import JsonOption, console, emit_json


class BankMode(StrEnum):
    """Whether a running session may be given other classes."""

    fed = "fed"
    baked = "baked"


def export(
    out: Annotated[Path, typer.Option(help="The ONNX model to write.")],
    model: Annotated[
        Path | None, typer.Option(help="Weights (.safetensors); without it, the shipped base.")
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(help="Height x width of the network's input, multiples of 64: 576x1024."),
    ] = None,
    frame_size: Annotated[
        str | None,
        typer.Option(help="Height x width of the only frames taken: 720x1280; else any size."),
    ] = None,
    bank: Annotated[
        BankMode, typer.Option(help="fed: a running session may take other classes; baked: none.")
    ] = BankMode.fed,
    bank_capacity: Annotated[
        int, typer.Option(min=1, help="Most rows a level and most classes, if fed.")
    ] = 256,
    as_json: JsonOption = False,
) -> None:
    """Write a detector's weights as one ONNX file, compared with torch before it is written."""
    from drivemeta.cli.adapt import check_writable
    from drivemeta.export.exporter import ExportOptions, export_detector
    from drivemeta.models.store import load_base, load_detector

    check_writable(out, ".onnx")
    options = ExportOptions(
        frame_size=parse_size(frame_size, "--frame-size"),
        bank=bank.value,
        bank_capacity=bank_capacity,
    )
    size = parse_size(input_size, "--input-size")
    with console().status("exporting and comparing with torch"):
        detector = load_detector(model) if model else load_base()
        report = export_detector(detector, out, input_size=size, options=options)
    parity = report.parity
    if as_json:
        emit_json(
            {
                "model": str(report.path),
                "bytes": report.n_bytes,
                "classes": report.manifest.names,
                "parity": asdict(parity),
                "seconds": round(report.seconds, 2),
            }
        )
        return
    console().print(
        f"wrote {report.path} ({report.n_bytes / 1e6:.1f} MB, {len(report.manifest.classes)} "
        f"classes) in {report.seconds:.1f} s\n"
        f"torch and ONNX Runtime on {parity.n_frames} frames, {parity.n_rows} rows: boxes differ "
        f"by at most {parity.row_box_px:.1g} px, scores by {parity.row_score:.1g}"
    )


def parse_size(text: str | None, option: str) -> tuple[int, int] | None:
    """Read `576x1024` as height and width.

    Raises:
        InputError: it is not two positive integers.

    >>> parse_size("576x1024", "--input-size")
    (576, 1024)
    """
    from drivemeta.errors import InputError

    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"{option}: expected HEIGHTxWIDTH, for instance 576x1024, found {text!r}")
    return int(parts[0]), int(parts[1])
