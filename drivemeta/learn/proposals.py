"""What level 1 finds in a frame, in torch, for adaptation and for checks against the export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.core import Letterbox
from drivemeta.core.boxes import FloatArray, clip_boxes, nms
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector

N_CANDIDATES = 600
GREY = 114 / 255


@dataclass(frozen=True, eq=False)
class Proposals:
    """Boxes of level 1 in one frame, best first.

    Attributes:
        boxes: (n, 4) float32 xyxy in pixels of the frame.
        scores: (n,) float32.
        roots: (n,) int64 labels of super-classes.
        embeddings: (n, dim) dense embeddings.
    """

    boxes: FloatArray
    scores: FloatArray
    roots: NDArray[np.int64]
    embeddings: Tensor


def to_input(frame: Tensor, size: tuple[int, int]) -> tuple[Tensor, Letterbox]:
    """Fit a (3, height, width) frame into level 1's input, (1, 3, *size)."""
    box = Letterbox.fit((frame.shape[1], frame.shape[2]), size)
    resized = F.interpolate(frame[None], (box.height, box.width), mode="bilinear")
    padding = (0, size[1] - box.width, 0, size[0] - box.height)
    return F.pad(resized, padding, value=GREY), box


@torch.no_grad()
def propose(
    detector: TwoLevelDetector, image: NDArray[np.uint8], min_score: float = 0.001
) -> Proposals:
    """Run level 1 over one (height, width, 3) uint8 BGR image."""
    frame = to_tensor(image)
    inputs, letterbox = to_input(frame, detector.input_size)
    output = detector.level1(inputs)
    scores, roots = dense_scores(detector, output.embeddings[0], output.quality[0])
    best = scores.topk(min(N_CANDIDATES, len(scores))).indices
    best = best[scores[best] >= min_score]
    boxes = letterbox.to_frame(output.boxes[0][best].numpy())
    boxes = clip_boxes(boxes, *image.shape[:2])
    kept = nms(boxes, scores[best].numpy(), roots[best].numpy(), detector.scoring.nms_iou)
    chosen = best[torch.from_numpy(kept)]
    return Proposals(
        boxes[kept],
        scores[chosen].numpy(),
        roots[chosen].numpy(),
        output.embeddings[0][chosen],
    )


def dense_scores(
    detector: TwoLevelDetector, embeddings: Tensor, quality: Tensor
) -> tuple[Tensor, Tensor]:
    """Return (A,) scores and (A,) int64 super-classes of dense predictions, by their best row."""
    scoring, rows = detector.scoring, detector.bank.dense
    cosines = embeddings @ torch.from_numpy(rows.weights).T - torch.from_numpy(rows.biases)
    best, index = torch.sigmoid(scoring.dense_scale * cosines).max(-1)
    power = scoring.quality_power
    scores = best ** (1 - power) * torch.sigmoid(quality) ** power
    return scores, torch.from_numpy(rows.roots)[index]
