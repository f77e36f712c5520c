"""Rows of level 1 for objects that the base does not find: a new kind of object."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from drivemeta.core.boxes import FloatArray
from drivemeta.learn.detector_loss import grid
from drivemeta.learn.evidence import Evidence
from drivemeta.learn.proposals import to_input
from drivemeta.models.assignment import pairwise_iou, prior
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector

N_LOCATIONS = 4
BACKGROUND_QUANTILE = 0.9995


@torch.no_grad()
def imprint_dense(
    base: TwoLevelDetector, evidence: Evidence, label: int
) -> tuple[FloatArray, float]:
    """Average the dense embeddings at the places of a class's support boxes.

    Qi et al., "Low-Shot Learning with Imprinted Weights", 2018, arXiv 1712.07136. Different from
    it: the bias is put half-way between the objects and the background of the support frames.

    Args:
        base: its level 1 is run over the support frames.
        evidence: the frames and boxes.
        label: the class to imprint.

    Returns:
        The (dim,) float32 unit row and its bias.
    """
    centres, strides = grid(*base.input_size)
    positives, background = [], []
    first = 0
    for image, boxes in evidence.frames:
        own = evidence.labels[first : first + len(boxes)] == label
        first += len(boxes)
        if not own.any():
            continue
        inputs, letterbox = to_input(to_tensor(image), base.input_size)
        output = base.level1(inputs)
        objects = torch.from_numpy(letterbox.to_input(boxes))
        overlaps = pairwise_iou(output.boxes[0], objects)
        fit = prior(centres, strides, objects) * (0.2 + overlaps)  # (A, n)
        for i in np.flatnonzero(own):
            weights, index = fit[:, i].topk(N_LOCATIONS)
            positives.append((output.embeddings[0][index] * weights[:, None]).sum(0))
        away = (overlaps.amax(1) < 0.1) & (prior(centres, strides, objects).amax(1) < 1e-3)
        background.append(output.embeddings[0][away])
    shots = F.normalize(torch.stack(positives), dim=-1)
    row = F.normalize(shots.mean(0), dim=-1)
    near = float((shots @ row).median())
    far = float(torch.quantile(torch.cat(background) @ row, BACKGROUND_QUANTILE))
    return row.numpy(), (near + far) / 2
