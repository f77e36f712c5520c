"""Holding an exported model against the torch detector, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, clip_boxes
from drivemeta.core.score_rule import DenseArrays, decide, locate, score_locations
from drivemeta.errors import ParityError
from drivemeta.export.graph.assemble import DENSE, with_dense_outputs
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import NO_PLACE, to_input
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.detector.protocol import DenseOutput
from drivemeta.runtime.probe import (
    BOX_TOLERANCE_PX,
    SCORE_TOLERANCE,
    RowArrays,
    compare_rows,
)
from drivemeta.runtime.providers import SessionOptions
from drivemeta.runtime.session import OUTPUTS, Session

MIN_SCORE = 0.001
# Two rows in a hundred may differ for ties: an overlap or a score on the very edge of a choice.
UNMATCHED_SHARE = 0.02
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class ParityReport:
    """The largest differences found between torch and ONNX Runtime.

    Attributes:
        n_frames: Frames compared.
        dense_box_px: Difference of level 1's boxes clipped to the input, in input pixels.
        dense_score: Difference of level 1's location scores.
        n_rows: Final rows compared.
        n_unmatched: Rows of either side without a partner.
        row_box_px: Difference of paired final boxes, in frame pixels.
        row_score: Difference of paired final scores.
    """

    n_frames: int
    dense_box_px: float
    dense_score: float
    n_rows: int
    n_unmatched: int
    row_box_px: float
    row_score: float


@dataclass(frozen=True, eq=False)
class Reference:
    """What the torch detector computes for one frame.

    Attributes:
        frame: (height, width, 3) uint8 BGR.
        dense: Level 1's output.
        embeddings: Embeddings of level 2, by the boxes they were cut from; filled when needed.
    """

    frame: Image
    dense: DenseArrays
    embeddings: dict[bytes, FloatArray] = field(default_factory=dict)


def check_parity(
    model: onnx.ModelProto, detector: TwoLevelDetector, expected: Sequence[Reference]
) -> ParityReport:
    """Compare the tensors before TopK and the final rows on frames of any sizes.

    Args:
        model: Model about to be written.
        detector: Detector that it was made from, with the same input size and bank.
        expected: Frames and level 1's output for them, see `torch_dense`.

    Raises:
        ParityError: a difference is past the tolerance.
    """
    with ThreadPoolExecutor(1) as pool:  # both take their time, and neither waits for the other
        opening = pool.submit(_session, model)
        wanted = [torch_rows(detector, each, MIN_SCORE) for each in expected]
        session = opening.result()
    n_thresholds = next(t.dims[0] for t in model.graph.initializer if t.name == "thresholds")
    feeds = {"thresholds": np.full(n_thresholds, MIN_SCORE, np.float32)}
    worst = np.zeros(4)
    n_rows = n_unmatched = 0
    for each, rows_wanted in zip(expected, wanted, strict=True):
        outputs = session.run(each.frame[None], feeds)
        boxes, scores, labels, count, *dense = (output[0] for output in outputs)
        found = RowArrays(boxes[:count], scores[:count], labels[:count])
        rows = compare_rows(rows_wanted, found)
        n_rows, n_unmatched = n_rows + rows.n_rows, n_unmatched + rows.n_unmatched
        differences = _dense_differences(detector, each.dense, DenseArrays(*dense))
        worst = np.maximum(worst, [*differences, rows.box_px, rows.score])
    report = ParityReport(
        len(expected), float(worst[0]), float(worst[1]), n_rows, n_unmatched, *map(float, worst[2:])
    )
    _judge(report)
    return report


def _session(model: onnx.ModelProto) -> Session:
    """Return a session of a model that gives the tensors before TopK as well."""
    return Session(
        with_dense_outputs(model).SerializeToString(),
        SessionOptions("cpu"),
        outputs=(*OUTPUTS, *(f"dense_{name}" for name in DENSE)),
    )


@torch.inference_mode()
def torch_dense(detector: TwoLevelDetector, frame: Image) -> Reference:
    """Return what finds in the torch detector gives for one uint8 BGR frame: level 1, the own."""
    image, fit = to_input(to_tensor(frame), detector.input_size)
    dense = _level1_dense(detector, image) if detector.has_dense else NO_PLACE
    if detector.own is not None:
        dense = detector.own.joined(dense, frame, fit.scale)
    return Reference(frame, dense)


def _level1_dense(detector: TwoLevelDetector, image: torch.Tensor) -> DenseArrays:
    # Channels last are the same sums in another order of memory, in two thirds of the time.
    level1 = detector.level1.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    calling = Calling(level1, "forward")
    with calling:
        output = level1(image.contiguous(memory_format=torch.channels_last))
    output = calling.returned(output, DenseOutput)
    return DenseArrays(*(getattr(output, name)[0].numpy() for name in DENSE))


def torch_rows(detector: TwoLevelDetector, expected: Reference, min_score: float) -> RowArrays:
    """Return the final rows of the torch detector for a frame, by one threshold for all classes."""
    image = to_tensor(expected.frame)
    frame_hw = (image.shape[1], image.shape[2])

    @torch.inference_mode()
    def embed(boxes: FloatArray, *, things: bool) -> FloatArray:
        key = boxes.tobytes()  # which boxes are cut does not hang on the threshold
        if key not in expected.embeddings:
            crops = detector.crops(image, torch.from_numpy(boxes), things=things)
            expected.embeddings[key] = detector.embed(crops, things=things).numpy()
        return expected.embeddings[key]

    bank, scoring = detector.bank, detector.scoring
    located = locate(expected.dense, bank, scoring, frame_hw, detector.input_size)
    thresholds = np.full(len(bank.classes), min_score, np.float32)
    return RowArrays(*decide(located, embed, bank, scoring, thresholds))


def _dense_differences(
    detector: TwoLevelDetector, expected: DenseArrays, found: DenseArrays
) -> tuple[float, float]:
    height, width = detector.input_size
    boxes = [clip_boxes(dense.boxes, height, width) for dense in (expected, found)]
    rows, scoring = detector.bank.dense, detector.scoring
    scores = [score_locations(dense, rows, scoring)[0] for dense in (expected, found)]
    return float(np.abs(boxes[0] - boxes[1]).max()), float(np.abs(scores[0] - scores[1]).max())


def _judge(report: ParityReport) -> None:
    """Raise ParityError where a difference (or something that is no number) is past tolerance."""
    limits = {
        "dense_box_px": BOX_TOLERANCE_PX,
        "dense_score": SCORE_TOLERANCE,
        "n_unmatched": max(2, UNMATCHED_SHARE * report.n_rows),
    }
    broken = [
        f"{name} is {getattr(report, name):.3g}, at most {limit:.3g} is allowed"
        for name, limit in limits.items()
        if not getattr(report, name) <= limit
    ]
    if broken:
        raise ParityError(
            f"the exported model disagrees with the torch model on {report.n_frames} frames "
            f"({report.n_rows} rows): {'; '.join(broken)}. Nothing was written"
        )
