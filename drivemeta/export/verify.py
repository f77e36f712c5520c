"""Verifying an exported model from its file alone; torch is not needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from drivemeta.errors import ModelFileError, ParityError
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import ModelFile, read_model_file
from drivemeta.runtime.probe import RowArrays, compare_rows
from drivemeta.runtime.trial import try_out


@dataclass(frozen=True)
class VerifyReport:
    """What was verified.

    Attributes:
        path: File verified.
        n_bytes: Size of the file.
        classes: Names in the order of the labels.
        precision: Precision of the weights.
        opset: Opset of ONNX.
        provider: Provider that really ran.
        n_rows: Rows of the probe, all found again.
        box_px: Largest difference of a box coordinate, in pixels.
        score: Largest difference of a score.
        seconds: Seconds that the probe took.
    """

    path: str
    n_bytes: int
    classes: tuple[str, ...]
    precision: str
    opset: int
    provider: str
    n_rows: int
    box_px: float
    score: float
    seconds: float


def verify_model(path: str | Path, provider: str = "auto") -> VerifyReport:
    """Check a file's structure and manifest, and repeat its probe.

    Wherever it comes from: it first runs in a process of its own, which it may not harm.

    Raises:
        ModelFileError: the file is damaged, incomplete, not valid ONNX or not ours, or takes too
            much time or memory.
        ProviderError: the provider requested does not run.
        ParityError: the probe does not give the rows that the file promises.
    """
    file = read_model_file(path)
    try:
        onnx.checker.check_model(file.proto)
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"{file.path} is not a valid ONNX model: {error}") from error
    try_out(file.path)
    return repeat_probe(file, provider)


def repeat_probe(file: ModelFile, provider: str = "auto") -> VerifyReport:
    """Repeat the probe of a file whose graph is known to be sound: of one just written.

    Raises:
        ModelFileError: its probe is damaged, or what it finds cannot be.
        ProviderError: the provider requested does not run.
        ParityError: the probe does not give the rows that the file promises.
    """
    path, probe = file.path, file.probe()
    detector = OnnxDetector(file, provider=provider)
    start = time.perf_counter()
    found = detector([probe.image()], min_score=probe.threshold)[0]
    seconds = time.perf_counter() - start
    rows = RowArrays(found.boxes, found.scores, found.labels.astype(np.int64))
    agreement = compare_rows(probe.rows(), rows, (probe.box_px, probe.score))
    if agreement.n_unmatched:
        raise ParityError(
            f"{path} does not find in its probe what it promises: {agreement.n_unmatched} of "
            f"{agreement.n_rows} rows are missing or extra on provider {detector.provider!r}; "
            "export it again, or run it on another provider"
        )
    return VerifyReport(
        path=str(path),
        n_bytes=len(file.data),
        classes=detector.classes,
        precision=file.manifest.precision,
        opset=file.manifest.opset,
        provider=detector.provider,
        n_rows=agreement.n_rows,
        box_px=agreement.box_px,
        score=agreement.score,
        seconds=seconds,
    )
