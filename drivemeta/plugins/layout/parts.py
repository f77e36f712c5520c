"""What layouts are built from: grids of cells, boxes by their centres, labels as scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.plugins.layout.protocol import Graph

FloatArray = NDArray[np.float32]


def cells(size: tuple[int, int], strides: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Return the (A, 2) x, y numbers of all cells, row by row, and their (A, 1) strides in pixels.

    >>> cells((16, 24), [8, 16])[1].shape
    (8, 1)
    """
    grids, steps = [], []
    for stride in strides:
        height, width = (-(-side // stride) for side in size)
        ys, xs = np.mgrid[:height, :width]
        grids.append(np.stack([xs, ys], -1).reshape(-1, 2))
        steps.append(np.full((height * width, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(steps).astype(np.float32)


def split(g: Graph, value: str, sizes: Sequence[int], axis: int = 2) -> Sequence[str]:
    """Add the cutting of a value into parts of given lengths."""
    return g.many("Split", len(sizes), value, list(sizes), axis=axis)


def corners(g: Graph, centres: str, sides: str) -> str:
    """Add (N, A, 4) xyxy of (N, A, 2) centres and sides."""
    half = g.Mul(sides, 0.5)
    return g.Concat(g.Sub(centres, half), g.Add(centres, half), axis=2)


def corners_of(centres: NDArray[Any], sides: NDArray[Any]) -> FloatArray:
    """Return (A, 4) xyxy of (A, 2) centres and sides."""
    return np.asarray(np.concatenate([centres - sides / 2, centres + sides / 2], -1), np.float32)


def label_scores(g: Graph, labels: str, scores: str, n_slots: int) -> str:
    """Add (N, A, n_slots) scores of (N, A) labels and scores; a label beyond scores nothing."""
    slots = np.arange(n_slots, dtype=np.int64)
    same = g.Equal(g.Unsqueeze(g.cast(labels, np.int64), [2]), slots)
    return g.Where(same, g.Unsqueeze(scores, [2]), 0.0)


def label_scores_of(labels: NDArray[np.int64], scores: FloatArray, n_slots: int) -> FloatArray:
    """Return (A, n_slots) scores of (A,) labels and scores."""
    same = labels.astype(np.int64)[:, None] == np.arange(n_slots)
    return np.where(same, scores[:, None], 0).astype(np.float32)


def sigmoid(x: FloatArray) -> FloatArray:
    """Return the logistic function of any array."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80, 80))), np.float32)


def softmax(x: FloatArray) -> FloatArray:
    """Return the softmax over the last axis."""
    y = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(y / y.sum(-1, keepdims=True), np.float32)
