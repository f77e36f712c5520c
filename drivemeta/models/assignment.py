"""Which locations learn which object: task-aligned assignment with a prior of place and size.

After Feng et al., "TOOD", 2021, arXiv 2108.07755 (alignment of score and overlap) and Ge et al.,
"YOLOX", 2021, arXiv 2107.08430 (as many positives as the overlaps suggest). Different from both: a
Gaussian prior of the distance to the centre and of the size in strides, which decides while the
boxes are still bad, and keeps objects of a few pixels from going without a location.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

N_CANDIDATES = 12
MAX_POSITIVES = 9
MIN_POSITIVES = 3
SIZE_IN_STRIDES = 3.0
OCTAVES = 0.7  # how far from that size a stride still learns, as a standard deviation


class Assignment(NamedTuple):
    """What each location of one image is to learn.

    Attributes:
        target: (A,) int64, index of the object assigned, -1 for background.
        quality: (A,) float32 in [0, 1], the score to aim at; 0 for background.
        ignored: (A,) bool, the centre lies in a region to ignore and no object was assigned.
    """

    target: Tensor
    quality: Tensor
    ignored: Tensor


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the (n_a, n_b) overlaps of two sets of xyxy boxes."""
    top_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clamp(min=0).prod(-1) for x in (a, b))
    return overlap / (area_a[:, None] + area_b[None] - overlap).clamp(min=1e-6)


@torch.no_grad()
def assign(
    boxes: Tensor,
    scores: Tensor,
    centres: Tensor,
    strides: Tensor,
    objects: Tensor,
    ignore: Tensor,
) -> Assignment:
    """Assign the objects of one image to locations.

    Args:
        boxes: (A, 4) predicted xyxy.
        scores: (A, n) predicted score of each object's class at each location.
        centres: (A, 2) x, y of the locations.
        strides: (A,) strides of the locations.
        objects: (n, 4) xyxy of the objects to learn.
        ignore: (m, 4) xyxy of regions that are neither object nor background.
    """
    n_locations, n_objects = len(boxes), len(objects)
    target = torch.full((n_locations,), -1, dtype=torch.int64)
    quality = torch.zeros(n_locations)
    if n_objects:
        overlaps = pairwise_iou(boxes, objects)  # (A, n)
        weights = prior(centres, strides, objects)
        metric = scores.clamp(min=1e-3).sqrt() * (0.2 + overlaps) ** 4 * weights
        best, index = metric.topk(min(N_CANDIDATES, n_locations), dim=0)  # (k, n)
        n_positive = overlaps.gather(0, index).sum(0).round()
        n_positive = n_positive.clamp(MIN_POSITIVES, MAX_POSITIVES)
        chosen = torch.arange(len(index))[:, None] < n_positive[None]
        chosen &= weights.gather(0, index) > 1e-3
        claims = torch.zeros_like(metric).scatter_(0, index, best * chosen)
        strongest, owner = claims.max(1)
        positive = strongest > 0
        target[positive] = owner[positive]
        own_iou = overlaps[positive, owner[positive]]
        quality[positive] = own_iou.clamp(min=0.1)
    inside = (
        _inside(centres, ignore).any(1)
        if len(ignore)
        else torch.zeros_like(target, dtype=torch.bool)
    )
    return Assignment(target, quality, inside & (target < 0))


def prior(centres: Tensor, strides: Tensor, objects: Tensor) -> Tensor:
    """Return (A, n) weights in [0, 1] by distance to the centre and by size in strides."""
    size = (objects[:, 2:] - objects[:, :2]).clamp(min=1)
    middle = (objects[:, :2] + objects[:, 2:]) / 2
    offset = (centres[:, None] - middle[None]).abs()  # (A, n, 2)
    reach = torch.maximum(strides[:, None, None].expand_as(offset), size[None] * 0.25)
    near = torch.exp(-0.5 * ((offset / reach) ** 2).sum(-1))
    octaves = torch.log2(size.amax(1)[None] / (strides[:, None] * SIZE_IN_STRIDES))
    # Nothing is finer than the finest stride, so smaller objects are not held against it.
    octaves = torch.where(
        (strides[:, None] == strides.min()) & (octaves < 0),
        torch.zeros_like(octaves),
        octaves,
    )
    return near * torch.exp(-0.5 * (octaves / OCTAVES) ** 2)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Return (n_points, n_boxes): whether each point lies in each box."""
    return ((points[:, None] >= boxes[None, :, :2]) & (points[:, None] < boxes[None, :, 2:])).all(
        -1
    )
