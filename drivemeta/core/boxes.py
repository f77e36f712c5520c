"""Axis-aligned boxes as float arrays of shape (n, 4); numpy only.

Two layouts: `xyxy` (left, top, right, bottom) and `xywh` (left, top, width, height), in pixels,
with the origin at the top left corner of the top left pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
LEAST_VOTE = 1e-6  # of a box that scores nothing: its place stays defined


def xywh_to_xyxy(boxes: NDArray[np.floating]) -> FloatArray:
    """Convert (n, 4) boxes from left, top, width, height to left, top, right, bottom.

    >>> xywh_to_xyxy(np.array([[1, 2, 3, 4]])).tolist()
    [[1.0, 2.0, 4.0, 6.0]]
    """
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes: NDArray[np.floating]) -> FloatArray:
    """Convert (n, 4) boxes from left, top, right, bottom to left, top, width, height.

    >>> xyxy_to_xywh(np.array([[1, 2, 4, 6]])).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def box_area(boxes: FloatArray) -> FloatArray:
    """Return the (...,) areas of (..., 4) xyxy boxes; inverted boxes have area zero."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    area: FloatArray = sides[..., 0] * sides[..., 1]
    return area


def clip_boxes(boxes: FloatArray, height: int, width: int) -> FloatArray:
    """Clip (n, 4) xyxy boxes to an image of the given size in pixels.

    >>> clip_boxes(np.array([[-5, 2, 50, 60]], dtype=np.float32), height=20, width=40).tolist()
    [[0.0, 2.0, 40.0, 20.0]]
    """
    limits = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limits).astype(np.float32)


def iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the (n_a, n_b) intersection over union of two sets of xyxy boxes.

    Pairs whose union is empty score zero.
    """
    return iou(a[:, None], b[None])


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the (...,) intersection over union of (..., 4) boxes, each with its own other one.

    Both are broadcast against each other. Pairs whose union is empty score zero.
    """
    overlap = _shared(a, b, 0) * _shared(a, b, 1)
    union = box_area(a) + box_area(b) - overlap
    found: FloatArray = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return found


def _shared(a: FloatArray, b: FloatArray, axis: int) -> FloatArray:
    """Return the (...,) lengths along x (0) or y (1) that pairs of boxes share."""
    shared: FloatArray = np.minimum(a[..., 2 + axis], b[..., 2 + axis])
    shared -= np.maximum(a[..., axis], b[..., axis])
    return np.maximum(shared, 0, out=shared)


def nms(
    boxes: FloatArray, scores: FloatArray, groups: NDArray[np.int64], iou_threshold: float = 0.6
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression within groups.

    Args:
        boxes: (n, 4) float32 xyxy.
        scores: (n,) float32; ties are broken by the lower index.
        groups: (n,) int64; boxes of different groups never suppress each other.
        iou_threshold: Overlap with a kept box above which a box goes.

    Returns:
        The indices of the kept boxes, best score first.
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = iou_matrix(boxes[order], boxes[order]) > iou_threshold
    overlaps &= groups[order][:, None] == groups[order][None, :]
    keep = np.ones(len(order), dtype=bool)
    for i in range(len(order)):
        if keep[i]:
            keep[i + 1 :] &= ~overlaps[i, i + 1 :]
    kept: NDArray[np.int64] = order[keep].astype(np.int64)
    return kept


def vote(
    boxes: FloatArray,
    scores: FloatArray,
    groups: NDArray[np.int64],
    kept: NDArray[np.int64],
    iou_threshold: float,
) -> FloatArray:
    """Return where the boxes kept by suppression lie by the vote of all that they overlap.

    Each is the mean of the boxes of its group, itself among them, by their score and by how far
    their overlap with it exceeds the threshold: near it, a box hardly counts. After Gidaris and
    Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model",
    2015, arXiv 1505.01749, whose votes all count fully.

    Args:
        boxes: (n, 4) float32 xyxy, of some area.
        scores: (n,) float32.
        groups: (n,) int64.
        kept: (m,) int64, indices of the boxes to place.
        iou_threshold: Threshold of the suppression, below 1.

    Returns:
        (m, 4) float32 xyxy.
    """
    excess = np.maximum(iou_matrix(boxes[kept], boxes) - np.float32(iou_threshold), 0)
    excess *= groups[kept][:, None] == groups[None, :]
    weights = excess * (scores + LEAST_VOTE)[None]
    placed: FloatArray = (weights @ boxes / weights.sum(1, keepdims=True)).astype(np.float32)
    return placed
