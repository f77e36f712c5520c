"""How much of the closest inference older ones still show, worked out once for a clip."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import iou_matrix
from drivemeta.training.schedulers.traces import LOOKS, Trace

HORIZON = 30  # frames after which an inference shows what it showed at this age
SAME = 0.5  # IoU


def recall(shown: Detections, truth: Detections, height: int) -> float:
    """Return the part of the truth that is shown, by class, at IoU 0.5; 1 if there is nothing.

    An object weighs the square root of its area, up to twice that at the bottom of the frame,
    where it is near.
    """
    if not len(truth):
        return 1.0
    if not len(shown):
        return 0.0
    sides = np.sqrt(np.prod(np.maximum(truth.boxes[:, 2:] - truth.boxes[:, :2], 1), axis=1))
    weights = sides * (1 + np.clip(truth.boxes[:, 3] / height, 0, 1))
    same = truth.labels[:, None] == shown.labels[None, :]
    hit = (same & (iou_matrix(truth.boxes, shown.boxes) >= SAME)).any(1)
    return float(weights[hit].sum() / weights.sum())


@lru_cache(maxsize=64)  # many environments replay the same clips
def recall_table(trace: Trace) -> NDArray[np.float32]:
    """Return (n_looks, n_frames, HORIZON) float32: recall by mode, frame of the inference and age.

    What is shown stays where it was, as the pipeline shows it in a frame that is skipped; the
    truth is the sliced inference on the later frame.
    """
    n, height = len(trace), trace.size[0]
    table = np.zeros((len(LOOKS), n, HORIZON), np.float32)
    for m, mode in enumerate(LOOKS):
        for i, shown in enumerate(trace.found[mode]):
            for age in range(min(HORIZON, n - i)):
                truth = trace.found["sliced"][i + age]
                table[m, i, age] = recall(shown, truth, height)
    return table
