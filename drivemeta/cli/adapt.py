"""`drivemeta adapt`: from a few annotated frames to a verified ONNX model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.check import show_notes
from drivemeta.cli.common import (
    JsonOption,
    Precision,
    ReadOption,
    check_writable,
    emit_json,
    image_files,
    panel,
    parse_size,
)
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, new_table, noted, working

if TYPE_CHECKING:
    from drivemeta.adaptation.adapted import Adapted

MOST_WARNINGS = 8
VERDICT_COLOURS = {"good": "green", "doubtful": "yellow", "do not use": "red"}


SUPPORT, LEARNING = panel("Support set"), panel("Learning")
START, OUTPUT = panel("What to start from"), panel("Output")


def adapt(
    ctx: typer.Context,
    support: Annotated[
        Path,
        typer.Argument(help="Annotations in any format known, or a folder of crops a class."),
    ],
    out: Annotated[Path, typer.Option(help="The ONNX model to write.")],
    images: Annotated[Path | None, SUPPORT(help="Folder of the images.")] = None,
    read: ReadOption = None,
    shots: Annotated[int | None, SUPPORT(help="Most boxes a class to use.")] = None,
    seed: Annotated[int, SUPPORT(help="Seed of the draw of the shots.")] = 0,
    negatives: Annotated[
        Path | None, SUPPORT(help="Folder of images that show none of the new classes.")
    ] = None,
    exhaustive: Annotated[
        bool, SUPPORT("--exhaustive", help="Every instance in the frames is annotated.")
    ] = False,
    learner: Annotated[
        str | None, LEARNING(help="Name of a learner plugin; chosen by the shots by default.")
    ] = None,
    learner_weights: Annotated[
        Path | None,
        LEARNING(help="What `drivemeta metatrain` wrote over this level 2, to start from."),
    ] = None,
    parent: Annotated[
        str | None,
        LEARNING(help="Super-class of the new classes, none for new kinds; found out by default."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        LEARNING("--set", help="The learner's parameter, LEARNER.NAME=VALUE; may be repeated."),
    ] = None,
    input_size: Annotated[
        str | None,
        LEARNING(help="Height x width of the network's input, multiples of 64: 384x640 is quick."),
    ] = None,
    base: Annotated[
        Path | None,
        START(help="Weights (.safetensors) or a base of your own (.onnx); else, the shipped one."),
    ] = None,
    start: Annotated[
        Path | None, START("--from", help="An adapted model (.onnx) to add classes to.")
    ] = None,
    extend: Annotated[
        bool, START("--extend", help="With --from: add shots to classes it has.")
    ] = False,
    full_report: Annotated[
        bool, OUTPUT("--report", help="Estimate AP50 by leaving frames out, too.")
    ] = False,
    precision: Annotated[
        Precision, OUTPUT(help="fp32, fp16 (for GPUs) or int8 (for CPUs and TensorRT).")
    ] = Precision.fp32,
    force: Annotated[
        bool, OUTPUT("--force", help="Take the place of a model that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Learn new classes from a few annotated frames; write an ONNX model.

    Beside the model come a contact sheet of the support crops (.crops.png), a report
    (.report.json, .report.md) and its plot (.report.png).
    """
    from concurrent.futures import ThreadPoolExecutor

    from drivemeta.adaptation.adapt import adapt as learn
    from drivemeta.adaptation.report.write import write_report
    from drivemeta.data.findings import findings_json
    from drivemeta.data.readers.reading import parse_reading
    from drivemeta.data.support import SupportSet
    from drivemeta.export.restore import restore
    from drivemeta.export.verify import repeat_probe
    from drivemeta.own.loading import load_base
    from drivemeta.plugins.settings import parse_settings
    from drivemeta.runtime.model_file import read_model_file

    started = time.perf_counter()
    check_writable(out, ".onnx", replace=force)
    size = parse_size(input_size, "--input-size")
    given = SupportSet.from_path(support, images, parse_reading(read or []))
    show_notes(given.dataset)
    chosen = given if shots is None else given.draw(shots, seed)
    registry = registry_of(ctx)
    detector = load_base(base, registry)
    with working(f"adapting to {', '.join(chosen.classes)}"):
        adapted = learn(
            restore(detector, start) if start else detector,
            chosen,
            learner,
            parent=parent,
            negatives=image_files(negatives) if negatives else (),
            exhaustive=exhaustive,
            extend=extend,
            input_size=size,
            learner_weights=learner_weights,
            settings=parse_settings(settings or []),
            registry=registry,
        )
        _export(adapted, out, precision)
        with ThreadPoolExecutor(1) as pool:
            verifying = pool.submit(repeat_probe, read_model_file(out), provider="cpu")
            report = write_report(adapted, out, full=full_report)
            verifying.result()
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


def _export(adapted: Adapted, out: Path, precision: Precision) -> None:
    """Write the model; int8 by the ranges that ship, else calibrated on the support frames."""
    if precision.value == "fp32":
        adapted.export(out)
        return
    import tempfile

    from drivemeta.export.precision.rewrite import Change, rewrite_model
    from drivemeta.export.precision.shipped_ranges import shipped_ranges
    from drivemeta.runtime.model_file import read_model_file

    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "fp32.onnx"
        adapted.export(whole)
        shipped = shipped_ranges(read_model_file(whole).manifest)
        seen = () if shipped else tuple(image for image, _ in adapted.record.evidence.frames)
        rewrite_model(whole, out, Change(precision=precision.value, frames=seen))


def _finish(out: Path, report: dict[str, Any]) -> None:
    import json

    from drivemeta.files import write_text

    write_text(out.with_suffix(".report.json"), json.dumps(report, indent=2) + "\n")


def _show(adapted: Adapted, report: dict[str, Any]) -> None:
    table = new_table("class", "found as", "shots", "found by the base", "threshold")
    for row in adapted.classes:
        doubt = " (low confidence)" if row.low_confidence else ""
        table.add_row(
            row.name,
            row.parent or "a new kind of object",
            str(row.shots),
            "no scenes" if row.found is None else f"{row.found} of {row.added}",
            f"{row.threshold:.2f}{doubt}",
        )
    shown = console()
    shown.print(table)
    for row in adapted.classes:
        shown.print(f"class    {row.name}: {row.reason}")
    for line in report["warnings"][:MOST_WARNINGS]:
        shown.print(noted("note     ", line))
    if len(report["warnings"]) > MOST_WARNINGS:
        shown.print(f"         and {len(report['warnings']) - MOST_WARNINGS} more in the report")
    for row in report["expected_ap50"] or ():
        shown.print(
            f"estimate {row['name']}: AP50 {row['ap50']:.2f} on {row['n_boxes']} held-out "
            f"boxes in {row['n_frames']} frames"
        )
    for row in report["verdicts"]:
        words = f"{row['name']}: {row['line']}"
        shown.print(noted("verdict  ", words, VERDICT_COLOURS[row["grade"]]))
    shown.print(f"model    {report['model']} (verified)")
    shown.print(f"crops    {report['contact_sheet']}")
    shown.print(f"report   {report['page']}")
    shown.print(
        f"time     {report['seconds']:.1f} s, of which learning {report['adapt_seconds']:.1f} s"
    )
