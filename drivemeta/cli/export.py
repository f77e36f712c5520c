"""`drivemeta export`: a detector as one ONNX file, in the precision wanted."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import (
    ForceOption,
    JsonOption,
    Precision,
    ReadOption,
    check_writable,
    choose,
    emit_json,
    panel,
    parse_size,
)
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, noted, progress, working

if TYPE_CHECKING:
    from drivemeta.data.dataset import Dataset
    from drivemeta.export.exporter import ExportReport
    from drivemeta.export.precision.ap_gate import GateData
    from drivemeta.export.precision.rewrite import Change, RewriteReport


class BankMode(StrEnum):
    """Whether a running session may be given other classes."""

    fed = "fed"
    baked = "baked"


class Int8Kind(StrEnum):
    """How int8 stores activations and weights."""

    auto = "auto"
    u8s8 = "u8s8"
    s8s8 = "s8s8"


FORM, INT8 = panel("Form of the model"), panel("Calibration of int8")
GATE = panel("AP50 before and after int8")


@dataclass(frozen=True)
class _Weights:
    """A torch detector to export.

    Attributes:
        path: Weights (.safetensors), or a model adapted from the shipped base (.onnx); None for
            the base itself.
        input_size: Height and width of the network's input; None for the detector's own.
        bank_capacity: Most rows a level and most classes, if fed; None for as many as needed.
    """

    path: Path | None
    input_size: tuple[int, int] | None
    bank_capacity: int | None


def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="The ONNX model to write.")],
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]",
            help="Weights (.safetensors) or an fp32 model (.onnx); without it, the shipped base.",
        ),
    ] = None,
    precision: Annotated[
        Precision, FORM(help="fp32, fp16 (for GPUs) or int8 (for CPUs and TensorRT).")
    ] = Precision.fp32,
    input_size: Annotated[
        str | None,
        FORM(help="Height x width of the network's input, multiples of 64: 384x640 is quick."),
    ] = None,
    frame_size: Annotated[
        str | None,
        FORM(help="Height x width of the only frames taken: 720x1280; else any size."),
    ] = None,
    bank: Annotated[
        BankMode | None,
        FORM(help="fed: a running session may take other classes; baked: none."),
    ] = None,
    bank_capacity: Annotated[
        int | None,
        FORM(min=1, help="Most rows a level and most classes, if fed; 256, or more as needed."),
    ] = None,
    frames: Annotated[
        str | None,
        INT8(help="Folder or video to calibrate int8 on; what ships for the base if absent."),
    ] = None,
    n_frames: Annotated[int, INT8(min=1, help="Most frames to calibrate on.")] = 64,
    int8_format: Annotated[
        Int8Kind, INT8(help="u8s8 for x86, s8s8 for TensorRT and ARM; auto: as here.")
    ] = Int8Kind.auto,
    data: Annotated[
        Path | None, GATE(help="Annotations: AP50 is measured before and after int8.")
    ] = None,
    images: Annotated[Path | None, GATE(help="Folder of the images of --data.")] = None,
    read: ReadOption = None,
    split: Annotated[str | None, GATE(help="Only images of this split of --data.")] = None,
    limit: Annotated[int | None, GATE(min=1, help="Only the first images of it.")] = None,
    class_map: Annotated[
        Path | None, GATE("--map", help="YAML: data category: model class.")
    ] = None,
    max_loss: Annotated[
        float, GATE(min=0, help="Points of AP50 that base or novel classes may lose.")
    ] = 1.0,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a detector as one ONNX file, compared before it is written.

    From weights: compared with torch. From an .onnx, or in another precision: compared with the
    fp32 model, and int8 refused if average precision on --data falls by more than --max-loss.
    """
    from drivemeta.export.precision.int8 import Int8Rule
    from drivemeta.export.precision.rewrite import Change

    check_writable(out, ".onnx", replace=force)
    size, fixed = parse_size(input_size, "--input-size"), parse_size(frame_size, "--frame-size")
    ready = source if source and source.suffix == ".onnx" and size is None else None
    gate = None
    if data is not None:
        dataset = choose(_annotated(data, images, read), split, limit)
        gate = _gate(dataset, class_map=class_map, max_loss=max_loss)
    change = Change(
        precision=precision.value,
        mode=bank.value if bank else None,
        frame_size=fixed,
        frames=_frames(ctx, frames, n_frames, fixed)
        if frames and precision.value == "int8"
        else (),
        int8=Int8Rule(int8_format.value),
        gate=gate,
    )
    if precision is Precision.int8 and gate is None:
        words = (
            "without --data, what int8 costs in AP50 is not measured: its rows are held against "
            "those of fp32 on some of --frames, or on drawn scenes"
        )
        console().print(noted("note ", words))
    weights = _Weights(path=source, input_size=size, bank_capacity=bank_capacity)
    if ready:
        _show_rewritten(_rewrite(ready, out, change, n_frames), as_json)
    elif precision is Precision.fp32:
        _show_exported(_export(ctx, weights, out, change), as_json)
    else:
        _show_rewritten(_in_two_steps(ctx, weights, out, change, n_frames), as_json)


def _export(ctx: typer.Context, weights: _Weights, out: Path, change: Change) -> ExportReport:
    from drivemeta.export.exporter import ExportOptions, export_detector
    from drivemeta.export.restore import export_again
    from drivemeta.models.store import load_base, load_detector
    from drivemeta.runtime.model_file import read_model_file

    options = ExportOptions(
        frame_size=change.frame_size,
        bank=change.mode or "fed",
        bank_capacity=weights.bank_capacity,
    )
    with working("exporting and comparing with torch"):
        registry = registry_of(ctx)
        path = weights.path
        if path and weights.input_size and path.suffix == ".onnx":
            if change.mode is None:
                options = replace(options, bank=read_model_file(path).manifest.bank.mode)
            report = export_again(load_base(registry), path, out, weights.input_size, options)
            console().print(
                "[yellow]its thresholds were set at another input size: adapt with --input-size "
                "for thresholds that hold[/]"
            )
            return report
        detector = load_detector(path, registry) if path else load_base(registry)
        return export_detector(detector, out, input_size=weights.input_size, options=options)


def _in_two_steps(
    ctx: typer.Context, weights: _Weights, out: Path, change: Change, n_drawn: int
) -> RewriteReport:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "fp32.onnx"
        _export(ctx, weights, whole, change)
        return _rewrite(whole, out, change, n_drawn)


def _rewrite(source: Path, out: Path, change: Change, n_drawn: int) -> RewriteReport:
    from drivemeta.export.precision.rewrite import rewrite_model

    total = 2 * len(change.gate.dataset) if change.gate else None
    change = _calibrated(source, change, n_drawn)
    with progress() as bar:
        task = bar.add_task(f"converting to {change.precision}", total=total)
        return rewrite_model(source, out, change, lambda: bar.advance(task))


def _calibrated(source: Path, change: Change, n_drawn: int) -> Change:
    """Return the change, for int8 with drawn frames where none are given and no ranges ship."""
    from drivemeta.bench.frames import drawn_frames
    from drivemeta.export.precision.shipped_ranges import shipped_ranges
    from drivemeta.runtime.model_file import read_model_file

    if change.precision != "int8" or change.frames:
        return change
    if shipped_ranges(read_model_file(source).manifest):
        console().print(noted("note ", "int8 by the ranges of activations that ship"))
        return change
    words = (
        "without --frames, int8 is calibrated on drawn scenes, as no ranges of activations ship "
        "for this base and input size: give frames like those it will run on"
    )
    console().print(noted("note ", words))
    return replace(change, frames=drawn_frames(min(n_drawn, 16), change.frame_size or (720, 1280)))


def _frames(ctx: typer.Context, place: str, n: int, size: tuple[int, int] | None) -> list[Any]:
    from drivemeta.bench.frames import of_size, read_frames

    found = read_frames(place, n, registry_of(ctx))
    return of_size(found, size) if size else found


def _annotated(data: Path, images: Path | None, read: list[str] | None) -> Dataset:
    from drivemeta.data.readers import read_annotations
    from drivemeta.data.readers.reading import parse_reading

    return read_annotations(data, images, parse_reading(read or []))


def _gate(dataset: Dataset, *, class_map: Path | None, max_loss: float) -> GateData:
    from drivemeta.evaluation.classes import read_class_map
    from drivemeta.export.precision.ap_gate import GateData

    return GateData(dataset, read_class_map(class_map) if class_map else {}, max_loss)


def _show_exported(report: ExportReport, as_json: bool) -> None:
    parity = report.parity
    if as_json:
        emit_json(
            {
                "model": str(report.path),
                "precision": report.manifest.precision,
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


def _show_rewritten(report: RewriteReport, as_json: bool) -> None:
    rows, ap50 = report.agreement, report.ap50
    if as_json:
        emit_json(
            {
                "model": str(report.path),
                "precision": report.precision,
                "bytes": report.n_bytes,
                "bytes_before": report.n_bytes_before,
                "agreement": asdict(rows),
                "ap50": asdict(ap50) if ap50 else None,
                "in_float32": report.in_float32,
                "seconds": round(report.seconds, 2),
            }
        )
        return
    console().print(
        f"wrote {report.path} ({report.precision}, {report.n_bytes / 1e6:.1f} MB, before "
        f"{report.n_bytes_before / 1e6:.1f} MB) in {report.seconds:.1f} s"
    )
    if report.in_float32:
        console().print(
            f"{report.in_float32} itself stays in float32: how its layers bear fewer bits is "
            "known to its makers alone",
            markup=False,
        )
    console().print(
        f"against the model before on {rows.n_frames} frames, {rows.n_rows} rows: "
        f"{rows.n_unmatched} of either have no partner, the others differ by at most "
        f"{rows.box_px:.1g} px and {rows.score:.1g} of score"
    )
    if ap50:
        for group, loss in ap50.loss.items():
            before, after = (100 * (s[group] or 0) for s in (ap50.before, ap50.after))
            console().print(
                f"AP50 of {group} classes on {ap50.images} images: {before:.2f} before, "
                f"{after:.2f} after ({-loss:+.2f} points)"
            )
