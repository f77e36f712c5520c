"""What is cut out of a frame: the proposal that finds a box, views of the box, and the rest."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.core import Letterbox
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.core.score_rule import Located
from drivemeta.models.crops import roi_crops
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import CROP_SIZE

FOUND_IOU = 0.5
SMALL_IOU = 0.25
SMALL_SIDE = 16.0
NEAR_IOU = 0.3
MAX_NEGATIVES = 24
# Shift in x and y and log scale of the views of a box, in box sizes: as a detector errs.
VIEWS = (
    (0.0, 0.0, 0.0),
    (0.06, 0.0, 0.0),
    (-0.06, 0.0, 0.0),
    (0.0, 0.06, 0.0),
    (0.0, -0.06, 0.0),
    (0.0, 0.0, 0.12),
    (0.0, 0.0, -0.1),
)
GAINS = (1.0, 0.75, 1.25)
N_VIEWS = len(VIEWS) * len(GAINS)


def best_match(
    base: TwoLevelDetector, proposals: Located, box: FloatArray, frame_hw: tuple[int, int]
) -> tuple[FloatArray, float, int]:
    """Return the best proposal that finds a box, else the box itself with score 0.

    A box of a few pixels is missed by a pixel's error at IoU 0.5, so less will do for it.

    Args:
        base: Detector that proposed.
        proposals: Located objects of the frame, best score first.
        box: (4,) support box in pixels of the frame.
        frame_hw: Height and width of the frame.

    Returns:
        The (4,) box, the score, and the super-class, -1 where none finds it.
    """
    scale = Letterbox.fit(frame_hw, base.input_size).scale
    small = (box[2:] - box[:2]).min() * scale < SMALL_SIDE
    overlaps = iou_matrix(proposals.boxes, box[None])[:, 0]
    found = np.flatnonzero(overlaps >= (SMALL_IOU if small else FOUND_IOU))
    if not len(found):
        return box, 0.0, -1
    best = found[0]  # proposals come best score first
    return proposals.boxes[best], float(proposals.scores[best]), int(proposals.roots[best])


def box_views(frame: Tensor, box: FloatArray, context: float, size: int = CROP_SIZE) -> Tensor:
    """Return `N_VIEWS` views of a box that differ in place, scale and light; none is mirrored.

    Args:
        frame: (3, height, width) float RGB in [0, 1].
        box: (4,) in pixels of the frame.
        context: Side of a crop in sides of its box.
        size: Side of a crop in pixels.
    """
    extent = box[2:] - box[:2]
    boxes = []
    for dx, dy, log_scale in VIEWS:
        centre = (box[:2] + box[2:]) / 2 + np.array([dx, dy]) * extent
        half = extent / 2 * np.exp(log_scale)
        boxes.append(np.concatenate([centre - half, centre + half]))
    crops = roi_crops(frame, torch.from_numpy(np.array(boxes, np.float32)), context, size)
    return torch.cat([(crops * gain).clamp(max=1) for gain in GAINS])


def other_proposals(proposals: Located, known: FloatArray) -> NDArray[np.int64]:
    """Return the indices of the best proposals that touch no known box.

    Args:
        proposals: Located objects of the frame, best score first.
        known: (n, 4) boxes of what is known to be there.
    """
    overlaps = iou_matrix(proposals.boxes, known).max(1, initial=0)
    return np.flatnonzero(overlaps < NEAR_IOU)[:MAX_NEGATIVES]
