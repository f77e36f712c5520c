"""`drivemeta adapt`: from a few annotated frames to a verified ONNX model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.check import show_notes
from drivemeta.cli.common import (
    JsonOption,
    ReadOption,
    check_writable,
    console,
    emit_json,
    image_files,
)
from drivemeta.cli.invocation import registry_of

if TYPE_CHECKING:
    from drivemeta.adaptation.adapted import Adapted

MOST_WARNINGS = 8


def adapt(
    ctx: typer.Context,
    support: Annotated[
        Path,
        typer.Argument(help="Annotations in any format known, or a folder of crops a class."),
    ],
    out: Annotated[Path, typer.Option(help="The ONNX model to write.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    read: ReadOption = None,
    learner: Annotated[
        str | None, typer.Option(help="Name of a learner plugin; chosen by the shots by default.")
    ] = None,
    learner_weights: Annotated[
        Path | None,
        typer.Option(help="What `drivemeta metatrain` wrote over this level 2, to start from."),
    ] = None,
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
    start: Annotated[
        Path | None, typer.Option("--from", help="An adapted model (.onnx) to add classes to.")
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend", help="With --from: add shots to classes it has.")
    ] = False,
    full_report: Annotated[
        bool, typer.Option("--report", help="Estimate AP50 by leaving frames out, too.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="The learner's parameter, LEARNER.NAME=VALUE; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn new classes from a few annotated frames; write an ONNX model.

    Beside the model come a contact sheet of the support crops (.crops.png), a report
    (.report.json, .report.md) and its plot (.report.png).
    """
    from drivemeta.adaptation.adapt import adapt as learn
    from drivemeta.data.findings import findings_json
    from drivemeta.data.readers.reading import parse_reading
    from drivemeta.data.support import SupportSet
    from drivemeta.export import verify_model
    from drivemeta.export.restore import restore
    from drivemeta.models.store import load_base, load_detector
    from drivemeta.plugins.settings import parse_settings

    started = time.perf_counter()
    check_writable(out, ".onnx")
    given = SupportSet.from_path(support, images, parse_reading(read or []))
    show_notes(given.dataset)
    chosen = given if shots is None else given.draw(shots, seed)
    detector = load_detector(base) if base else load_base()
    with console().status(f"adapting to {', '.join(chosen.classes)}"):
        adapted = learn(
            restore(detector, start) if start else detector,
            chosen,
            learner,
            parent=parent,
            negatives=image_files(negatives) if negatives else (),
            exhaustive=exhaustive,
            extend=extend,
            learner_weights=learner_weights,
            settings=parse_settings(settings or []),
            registry=registry_of(ctx),
        )
        adapted.export(out)
        verify_model(out, provider="cpu")
        report = _write_report(adapted, out, full=full_report)
    report = {
        "model": str(out),
        **report,
        "notes": list(given.dataset.notes),
        "set_aside": findings_json(given.dataset)["set_aside"],
        "seconds": round(time.perf_counter() - started, 2),
    }
    _finish(out, report)
    if as_json:
        emit_json(report)
    else:
        _show(adapted, report)


def _write_report(adapted: Adapted, out: Path, *, full: bool) -> dict[str, Any]:
    """Write sheet, plot and page beside the model; return the report's values."""
    from drivemeta.adaptation.report.contact_sheet import write_contact_sheet
    from drivemeta.adaptation.report.diagnosis import diagnose
    from drivemeta.adaptation.report.expected_ap50 import expected_ap50
    from drivemeta.adaptation.report.page import report_json, report_markdown, warnings
    from drivemeta.adaptation.report.plot import plot_png
    from drivemeta.files import write_bytes, write_text

    diagnosis = diagnose(adapted)
    expected = expected_ap50(adapted) if full else None
    sheet, plot = out.with_suffix(".crops.png"), out.with_suffix(".report.png")
    notes = {
        row.name: f"{row.shots} shots, threshold {row.threshold:.2f}" for row in adapted.classes
    }
    write_contact_sheet(adapted.record.support, sheet, notes)
    write_bytes(plot, plot_png(adapted, diagnosis))
    page = out.with_suffix(".report.md")
    write_text(page, report_markdown(adapted, diagnosis, expected, (plot, sheet)))
    return {
        "contact_sheet": str(sheet),
        "plot": str(plot),
        "page": str(page),
        **report_json(adapted, diagnosis, expected),
        "warnings": warnings(diagnosis),
    }


def _finish(out: Path, report: dict[str, Any]) -> None:
    import json

    from drivemeta.files import write_text

    write_text(out.with_suffix(".report.json"), json.dumps(report, indent=2) + "\n")


def _show(adapted: Adapted, report: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("class", "found as", "shots", "found by the base", "threshold")
    for row in adapted.classes:
        doubt = " (low confidence)" if row.low_confidence else ""
        table.add_row(
            row.name,
            row.parent or "a new kind of object",
            str(row.shots),
            "not asked" if row.found is None else f"{row.found} of {row.shots}",
            f"{row.threshold:.2f}{doubt}",
        )
    shown = console()
    shown.print(table)
    for line in report["warnings"][:MOST_WARNINGS]:
        shown.print(f"[yellow]note[/]     {escape(line)}")
    if len(report["warnings"]) > MOST_WARNINGS:
        shown.print(f"         and {len(report['warnings']) - MOST_WARNINGS} more in the report")
    for row in report["expected_ap50"] or ():
        shown.print(
            f"estimate {escape(row['name'])}: AP50 {row['ap50']:.2f} on {row['n_boxes']} held-out "
            f"boxes in {row['n_frames']} frames"
        )
    shown.print(f"model    {report['model']} (verified)")
    shown.print(f"crops    {report['contact_sheet']}")
    shown.print(f"report   {report['page']}")
    shown.print(
        f"time     {report['seconds']:.1f} s, of which learning {report['adapt_seconds']:.1f} s"
    )
