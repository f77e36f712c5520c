"""A model file in another precision, bank mode or frame size; int8 is gated on AP50."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto

from drivemeta.errors import InputError, ParityError
from drivemeta.export.graph.assemble import Networks
from drivemeta.export.parts import Parts, write_parts
from drivemeta.export.precision.ap_gate import (
    GateData,
    GateReport,
    judge,
    measure_gate,
)
from drivemeta.export.precision.calibration_inputs import Eyes
from drivemeta.export.precision.half import to_half
from drivemeta.export.precision.int8 import Int8Rule, Ranges, ranges_of, to_int8
from drivemeta.export.precision.shipped_ranges import shipped_ranges
from drivemeta.export.probe_scene import draw_noise, draw_scene
from drivemeta.files import write_bytes
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import ModelFile, read_model_file
from drivemeta.runtime.probe import RowArrays, compare_rows
from drivemeta.runtime.provider_options import Precision

Image = NDArray[np.uint8]
MIN_SCORE = 0.05
N_COMPARED = 8  # of the frames given
# How far rows of the probe may lie from those of the fp32 model: processors and GPUs round
# differently in float16, and int8 kernels differ in how they add.
PROBE_TOLERANCE = {"fp32": (0.1, 1e-3), "fp16": (1.0, 0.01), "int8": (8.0, 0.1)}
# How near a partner lies where whole frames are compared.
NEAR = {**PROBE_TOLERANCE, "int8": (4.0, 0.05)}
# Of rows above a score of 0.05: those on the edge of a choice may come or go. One that moves counts
# on both sides; the shipped base in int8 comes to 0.36.
UNMATCHED_SHARE = {"fp32": 0.02, "fp16": 0.1, "int8": 0.5}
# Of int8 by the ranges that ship, which were measured on roads, in drawn scenes and noise.
DRAWN_SHARE = 1.0


@dataclass(frozen=True, eq=False)
class Change:
    """What is wanted.

    Attributes:
        precision: Precision of the networks' bodies.
        mode: Mode of the bank; None as it is.
        frame_size: Height and width of the only frames taken; None as it is.
        frames: (height, width, 3) uint8 BGR: int8 is calibrated and all are compared on them;
            without any, int8 takes the ranges that ship.
        int8: Rule by which int8 is stored.
        gate: Data that AP50 is measured on before and after, None for no gate.
    """

    precision: Precision = "fp32"
    mode: Literal["fed", "baked"] | None = None
    frame_size: tuple[int, int] | None = None
    frames: Sequence[Image] = ()
    int8: Int8Rule = field(default_factory=Int8Rule)
    gate: GateData | None = None


@dataclass(frozen=True)
class Agreement:
    """How rows of the new model lie to those of the old, of scores from 0.05 on.

    Attributes:
        n_frames: Frames compared.
        n_rows: Rows of the old model.
        n_unmatched: Rows of either without a partner of the same class near by.
        box_px: Largest difference of a box coordinate among pairs, in frame pixels.
        score: Largest difference of a score among pairs.
    """

    n_frames: int
    n_rows: int
    n_unmatched: int
    box_px: float
    score: float


@dataclass(frozen=True)
class RewriteReport:
    """What was written.

    Attributes:
        path: File written.
        precision: Precision of the networks' bodies.
        n_bytes: Size of the file.
        n_bytes_before: Size of the file that it was made from.
        agreement: Agreement with that file.
        ap50: AP50 before and after, if data was given.
        seconds: Seconds that it took.
        in_float32: Detector of the user's own in it, which stays in float32; None without one.
    """

    path: Path
    precision: str
    n_bytes: int
    n_bytes_before: int
    agreement: Agreement
    ap50: GateReport | None
    seconds: float
    in_float32: str | None


def rewrite_model(
    path: str | Path,
    out: str | Path,
    change: Change,
    on_image: Callable[[], object] = lambda: None,
) -> RewriteReport:
    """Write a model in another form, compared with the one it was made from.

    Args:
        path: Float32 model.
        out: File to write; it appears whole or not at all.
        change: Change to make.
        on_image: Function called for each image of the gate, in each of its two passes.

    Raises:
        ModelFileError: the file is damaged or not ours.
        InputError: it is not float32, or there is nothing to calibrate on.
        ParityError: rows differ too much, AP50 falls too far, or the new model does not find in its
            probe what the old one does; nothing is written.
        OutputError: the file cannot be written.
    """
    start = time.perf_counter()
    file = read_model_file(path)
    original, parts = _changed(file, change)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.onnx"
        data = write_parts(parts, trial, PROBE_TOLERANCE[change.precision], original)
        agreement = compare_models(file.path, trial, _seen(change, parts.manifest.input.frame_size))
        if change.precision != "int8" or change.gate is None:
            drawn = change.precision == "int8" and not change.frames
            share = DRAWN_SHARE if drawn else UNMATCHED_SHARE[change.precision]
            _check_agreement(agreement, change.precision, share, file.path)
        ap50 = None
        if change.gate is not None:
            ap50 = measure_gate(file.path, trial, change.gate, on_image)
            judge(ap50, change.gate.max_loss)
    write_bytes(out, data)
    seconds = time.perf_counter() - start
    own = file.manifest.own
    return RewriteReport(
        path=Path(out),
        precision=change.precision,
        n_bytes=len(data),
        n_bytes_before=len(file.data),
        agreement=agreement,
        ap50=ap50,
        seconds=seconds,
        in_float32=None if own is None else own.source,
    )


def compare_models(before: Path, after: Path, frames: Sequence[Image]) -> Agreement:
    """Compare what two models of the same classes find in frames, on the CPU."""
    detectors = [OnnxDetector(path, provider="cpu") for path in (before, after)]
    tolerance = NEAR[detectors[1].manifest.precision]
    n_rows = n_unmatched = 0
    box_px = score = 0.0
    for frame in frames:
        found = [detector([frame], MIN_SCORE)[0] for detector in detectors]
        old, new = (RowArrays(f.boxes, f.scores, f.labels.astype(np.int64)) for f in found)
        rows = compare_rows(old, new, tolerance)
        n_rows, n_unmatched = n_rows + rows.n_rows, n_unmatched + rows.n_unmatched
        box_px, score = max(box_px, rows.box_px), max(score, rows.score)
    return Agreement(len(frames), n_rows, n_unmatched, box_px, score)


def _check_agreement(
    agreement: Agreement, precision: Precision, share: float, before: Path
) -> None:
    """Raise ParityError where a greater share of rows has no partner than is allowed."""
    if agreement.n_unmatched > max(2, share * agreement.n_rows):
        advice = (
            "; calibrate on more frames like those to come (--frames), or let average precision "
            "decide (--data)"
        )
        raise ParityError(
            f"{precision} does not find what {before} finds: in {agreement.n_frames} frames "
            f"{agreement.n_unmatched} rows of either have no partner, of {agreement.n_rows} "
            f"before; nothing was written{advice if precision == 'int8' else ''}"
        )


def _changed(file: ModelFile, change: Change) -> tuple[Parts, Parts]:
    """Return the parts in float32, by the rules wanted, and in the precision wanted."""
    if file.manifest.precision != "fp32":
        raise InputError(
            f"{file.path} is {file.manifest.precision} already; expected the fp32 model that it "
            "was made from"
        )
    parts = Parts.of(file).with_rules(mode=change.mode, frame_size=change.frame_size)
    manifest = parts.manifest.model_copy(update={"precision": change.precision})
    return parts, replace(parts, networks=_converted(parts, change), manifest=manifest)


def _converted(parts: Parts, change: Change) -> Networks:
    if change.precision == "fp16":
        return parts.networks.converted(lambda graph, _: to_half(graph))
    if change.precision == "int8":
        ranges = _ranges(parts, change.frames)
        return parts.networks.converted(
            lambda graph, stem: to_int8(graph, ranges(graph, stem), change.int8)
        )
    return parts.networks


def _ranges(parts: Parts, frames: Sequence[Image]) -> Callable[[GraphProto, str], Ranges]:
    """Return what gives the ranges of a network: measured on frames, or those that ship."""
    if frames:
        eyes = Eyes(parts)
        return lambda graph, stem: ranges_of(graph, eyes.inputs(stem, frames))
    shipped = shipped_ranges(parts.manifest)
    if shipped is None:
        raise InputError(
            "expected frames to calibrate int8 on, found none, and what ships holds for networks "
            "of the shipped base at 576x1024 and 384x640 only; give them by `drivemeta export "
            "--precision int8 --frames`"
        )
    return lambda _, stem: shipped[stem]


def _seen(change: Change, size: tuple[int, int] | None) -> list[Image]:
    """Return frames to compare on: the first of those given, but for int8 drawn ones and noise."""
    given = [f for f in change.frames[:N_COMPARED] if size is None or f.shape[:2] == tuple(size)]
    drawn = draw_scene(size or (360, 640), 1)
    if change.precision == "int8":  # it is fitted to frames like those given
        return given or [drawn, draw_scene(size or (360, 640), 2)]
    return [drawn, draw_noise(size or (405, 300)), *given]
