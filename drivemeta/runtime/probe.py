"""A small frame and what the model must find in it: a file's own proof that it works."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivemeta.errors import ModelFileError

BOX_TOLERANCE_PX = 0.1
SCORE_TOLERANCE = 1e-3
MOST_BOX_PX = 8.0  # a looser probe would prove nothing
MOST_SCORE = 0.1
MOST_PNG = 64 * 2**20  # characters
MOST_PIXELS = 2**26
N_ROWS = 300
_PNG = b"\x89PNG\r\n\x1a\n"
MIN_PROBE_ROWS = 5
MAX_PROBE_ROWS = 30


@dataclass(frozen=True, eq=False)
class RowArrays:
    """Final rows of one frame.

    Attributes:
        boxes: (n, 4) float32, xyxy in frame pixels.
        scores: (n,) float32.
        labels: (n,) int64.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class RowAgreement:
    """How far two sets of rows of one frame agree.

    Attributes:
        n_rows: Rows expected.
        n_unmatched: Rows of either side without a partner of the same label within tolerance.
        box_px: Largest difference of a coordinate among partners, in pixels.
        score: Largest difference of scores among partners.
    """

    n_rows: int
    n_unmatched: int
    box_px: float
    score: float


class Probe(BaseModel):
    """The probe as it is stored in the model's metadata, as JSON.

    Attributes:
        png: Frame as PNG in base64, BGR once decoded.
        threshold: Score from which rows are expected.
        boxes: Expected xyxy boxes in pixels of the frame.
        scores: Expected scores.
        labels: Expected labels.
        box_px: Most pixels that a coordinate may differ by on another machine or provider.
        score: Most that a score may differ by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    png: str = Field(max_length=MOST_PNG)
    threshold: float = Field(allow_inf_nan=False)
    boxes: tuple[tuple[float, float, float, float], ...] = Field(max_length=N_ROWS)
    scores: tuple[float, ...] = Field(max_length=N_ROWS)
    labels: tuple[int, ...] = Field(max_length=N_ROWS)
    box_px: float = Field(BOX_TOLERANCE_PX, ge=0, le=MOST_BOX_PX)
    score: float = Field(SCORE_TOLERANCE, ge=0, le=MOST_SCORE)

    @model_validator(mode="after")
    def _of_one_length(self) -> Probe:
        if not len(self.boxes) == len(self.scores) == len(self.labels):
            raise ValueError("expected as many boxes as scores and labels")
        return self

    @classmethod
    def make(
        cls,
        image: NDArray[np.uint8],
        threshold: float,
        rows: RowArrays,
        tolerance: tuple[float, float] = (BOX_TOLERANCE_PX, SCORE_TOLERANCE),
    ) -> Probe:
        """Store a (height, width, 3) uint8 BGR frame and the rows expected in it.

        Args:
            image: Frame.
            threshold: Score from which rows are expected.
            rows: Rows expected.
            tolerance: Tolerance of box coordinates in pixels, and of scores.
        """
        _, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        return cls(
            png=base64.b64encode(encoded.tobytes()).decode("ascii"),
            threshold=threshold,
            boxes=tuple(tuple(map(float, box)) for box in rows.boxes),
            scores=tuple(map(float, rows.scores)),
            labels=tuple(map(int, rows.labels)),
            box_px=tolerance[0],
            score=tolerance[1],
        )

    def image(self) -> NDArray[np.uint8]:
        """Return the frame, (height, width, 3) uint8 BGR.

        Raises:
            ModelFileError: the stored picture is damaged.
        """
        image = _decoded(self.png)
        if image is None:
            raise ModelFileError(
                "expected a PNG in the model's probe, found something else; export it again"
            )
        return np.asarray(image, np.uint8)

    def rows(self) -> RowArrays:
        """Return the rows expected."""
        return RowArrays(
            np.array(self.boxes, np.float32).reshape(-1, 4),
            np.array(self.scores, np.float32),
            np.array(self.labels, np.int64),
        )


def _decoded(png: str) -> NDArray[Any] | None:
    """Return the picture, or None if it is none or its header claims more pixels than is sane."""
    try:
        data = base64.b64decode(png, validate=True)
    except ValueError:
        return None
    if data[:8] != _PNG or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width * height <= MOST_PIXELS:
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def clear_thresholds(scores: NDArray[np.float32]) -> list[float]:
    """Return thresholds that part scores, with at least five above each, the clearest one first.

    Each lies in the middle of a gap between neighbours, the first in the widest, so that no
    rounding moves a row across it. None if there are too few scores.

    Args:
        scores: (n,) float32, descending.

    >>> clear_thresholds(np.array([9, 8, 8, 7, 7, 6.5, 3, 2], np.float32))
    [4.75, 2.5, 6.75]
    """
    scores = scores[: MAX_PROBE_ROWS + 1]
    if len(scores) <= MIN_PROBE_ROWS:
        return []
    upper, lower = scores[MIN_PROBE_ROWS - 1 : -1], scores[MIN_PROBE_ROWS:]
    widest = np.argsort(lower - upper, kind="stable")
    return [float(each) for each in ((upper + lower) / 2)[widest]]


def compare_rows(
    expected: RowArrays,
    found: RowArrays,
    tolerance: tuple[float, float] = (BOX_TOLERANCE_PX, SCORE_TOLERANCE),
) -> RowAgreement:
    """Pair rows of one label within tolerance, nearest first, and measure what is left.

    Args:
        expected: Rows of one frame.
        found: Rows of the same frame.
        tolerance: Tolerance of box coordinates in pixels, and of scores.

    >>> rows = RowArrays(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, int))
    >>> compare_rows(rows, rows).n_unmatched
    0
    """
    pixels = np.abs(expected.boxes[:, None] - found.boxes[None]).max(2, initial=0)  # (n, m)
    scores = np.abs(expected.scores[:, None] - found.scores[None])
    cost = np.maximum(pixels / tolerance[0], scores / tolerance[1])
    cost[expected.labels[:, None] != found.labels[None]] = np.inf
    free = np.ones(len(found), bool)
    box_px = score = 0.0
    n_pairs = 0
    for i in np.argsort(cost.min(1, initial=np.inf), kind="stable"):
        j = int(np.where(free, cost[i], np.inf).argmin()) if free.any() else -1
        if j >= 0 and free[j] and cost[i, j] <= 1:
            free[j] = False
            n_pairs += 1
            box_px, score = max(box_px, pixels[i, j]), max(score, scores[i, j])
    n_unmatched = len(expected) + len(found) - 2 * n_pairs
    return RowAgreement(len(expected), n_unmatched, float(box_px), float(score))
