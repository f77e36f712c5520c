"""Cutting object crops out of frames, the same in torch as RoiAlign does in the ONNX graph.

He et al., "Mask R-CNN", 2017, arXiv 1703.06870: bilinear samples at exact coordinates, two a bin
and axis, averaged.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SAMPLES = 2


def enlarge(boxes: Tensor, context: float, height: int, width: int) -> Tensor:
    """Enlarge (n, 4) xyxy boxes about their centres by a factor and clip them to the frame."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * context
    limits = boxes.new_tensor([width, height, width, height])
    enlarged = torch.cat([centres - half, centres + half], 1).clamp(min=0)
    return torch.minimum(enlarged, limits)


def roi_crops(frame: Tensor, boxes: Tensor, context: float, size: int = 64) -> Tensor:
    """Cut boxes out of one frame and stretch each to a square.

    Args:
        frame: (3, height, width) float.
        boxes: (n, 4) float32 xyxy in pixels of the frame.
        context: Factor by which the boxes are enlarged first.
        size: Side of the crops in pixels.

    Returns:
        (n, 3, size, size) crops.
    """
    if not len(boxes):
        return frame.new_zeros((0, len(frame), size, size))
    height, width = frame.shape[1:]
    boxes = enlarge(boxes, context, height, width)
    steps = (torch.arange(size * SAMPLES, dtype=torch.float32) + 0.5) / (size * SAMPLES)
    xs = boxes[:, None, 0] + steps * (boxes[:, 2] - boxes[:, 0])[:, None]  # (n, size * 2)
    ys = boxes[:, None, 1] + steps * (boxes[:, 3] - boxes[:, 1])[:, None]
    grid = torch.stack(
        torch.broadcast_tensors(  # type: ignore[no-untyped-call]
            (xs * 2 / width - 1)[:, None, :], (ys * 2 / height - 1)[:, :, None]
        ),
        -1,
    )  # (n, size * 2, size * 2, 2)
    # All boxes share the frame, so they are sampled as one tall grid.
    sampled = F.grid_sample(
        frame[None],
        grid.reshape(1, -1, size * SAMPLES, 2),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    pooled = F.avg_pool2d(sampled, SAMPLES)  # (1, 3, n * size, size)
    return pooled[0].reshape(3, -1, size, size).transpose(0, 1)


def to_tensor(image_bgr: object) -> Tensor:
    """Convert a (height, width, 3) uint8 BGR array to (3, height, width) float RGB in [0, 1]."""
    tensor = torch.as_tensor(image_bgr)
    return tensor.flip(-1).permute(2, 0, 1).float() / 255
