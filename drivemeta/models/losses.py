"""Losses of level 1, with masks for what a source does not annotate."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def quality_focal_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the summed focal loss against soft targets.

    Li et al., "Generalized Focal Loss", 2020, arXiv 2006.04388, with beta = 2.

    Args:
        logits: Logits of any shape, float32.
        targets: Targets of the same shape, in [0, 1].
        weights: Weights of the same shape; 0 where nothing is known.
    """
    modulation = (torch.sigmoid(logits) - targets).abs() ** 2
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (loss * modulation * weights).sum()


def giou_loss(boxes: Tensor, targets: Tensor) -> Tensor:
    """Return (n,) 1 - GIoU of pairs of (n, 4) xyxy boxes.

    Rezatofighi et al., "Generalized Intersection over Union", 2019, arXiv 1902.09630.
    """
    overlap = (
        (torch.minimum(boxes[:, 2:], targets[:, 2:]) - torch.maximum(boxes[:, :2], targets[:, :2]))
        .clamp(min=0)
        .prod(-1)
    )
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    target_area = (targets[:, 2:] - targets[:, :2]).prod(-1)
    union = area + target_area - overlap
    hull = (
        torch.maximum(boxes[:, 2:], targets[:, 2:]) - torch.minimum(boxes[:, :2], targets[:, :2])
    ).prod(-1)
    return 1 - overlap / union.clamp(min=1e-6) + (hull - union) / hull.clamp(min=1e-6)


def log_size_loss(boxes: Tensor, targets: Tensor) -> Tensor:
    """Return (n,) absolute differences of log width and height: keeps small boxes learning."""
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3).log()
    target = (targets[:, 2:] - targets[:, :2]).clamp(min=1).log()
    return (size - target).abs().mean(-1)
