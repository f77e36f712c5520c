"""How a frame becomes a detector's image, in numpy and in the graph, and boxes the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.core.letterbox import Letterbox
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.plugins.layout.way import Preparation


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """One frame as a detector takes it.

    Attributes:
        image: (1, 3, h, w) float32.
        scale: (4,) float32, network pixels per frame pixel along x, y, x, y.
        offset: (4,) float32, where the frame begins in the network's image, x, y, x, y.
    """

    image: FloatArray
    scale: FloatArray
    offset: FloatArray

    def to_frame(self, boxes: FloatArray) -> FloatArray:
        """Map (n, 4) boxes in network pixels to frame pixels."""
        return ((boxes - self.offset) / self.scale).astype(np.float32)


def prepare_frame(frame: NDArray[np.uint8], rule: Preparation) -> PreparedFrame:
    """Return a (height, width, 3) uint8 BGR frame as a detector takes it."""
    frame_hw, (height, width) = (frame.shape[0], frame.shape[1]), rule.size
    inner, scale = rule.size, (width / frame_hw[1], height / frame_hw[0])
    if rule.fit != "stretch":
        fit = Letterbox.fit(frame_hw, rule.size)
        inner, scale = (fit.height, fit.width), (fit.scale, fit.scale)
    free = (width - inner[1], height - inner[0])
    left, top = (free[0] // 2, free[1] // 2) if rule.fit == "centred" else (0, 0)
    full = np.full((height, width, 3), rule.pad, np.float32)
    resized = cv2.resize(frame.astype(np.float32), inner[::-1], interpolation=cv2.INTER_LINEAR)
    full[top : top + inner[0], left : left + inner[1]] = resized
    ordered = full if rule.channels == "bgr" else full[..., ::-1]
    normal = (ordered - np.array(rule.mean)) / np.array(rule.deviation)
    return PreparedFrame(
        np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32),
        np.array([*scale, *scale], np.float32),
        np.array([left, top, left, top], np.float32),
    )


@dataclass(frozen=True)
class PreparedValues:
    """Names of the values of a graph.

    Attributes:
        images: (N, 3, h, w) float32.
        scale: (4,) float32, see `PreparedFrame`.
        offset: (4,) float32.
    """

    images: str
    scale: str
    offset: str


def add_preparation(g: GraphBuilder, planes: str, rule: Preparation) -> PreparedValues:
    """Add what `prepare_frame` does.

    Args:
        g: Graph that is built.
        planes: (N, 3, H, W) float32, RGB in 0..255, frames of any one size.
        rule: How frames are prepared.
    """
    shape = g.Shape(planes)
    n, frame_hw = g.Slice(shape, [0], [1], [0]), g.Slice(shape, [2], [4], [0])
    size = list(rule.size)
    if rule.fit == "stretch":
        inner = g.value(size)
        by_axis = g.Div(g.cast(inner, np.float32), g.cast(frame_hw, np.float32))
        scale = g.Gather(by_axis, [1, 0, 1, 0], axis=0)
    else:
        inner, scale = _fit(g, frame_hw, rule.size)
    resized = g.Resize(
        planes,
        "",
        "",
        g.Concat(n, [3], inner, axis=0),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    free = g.Sub(size, inner)
    before = g.Div(free, 2) if rule.fit == "centred" else g.Mul(free, 0)
    if rule.fit != "stretch":
        pads = g.Concat([0, 0], before, [0, 0], g.Sub(free, before), axis=0)
        resized = g.Pad(resized, pads, float(rule.pad), mode="constant")
    if rule.channels == "bgr":
        resized = g.Gather(resized, [2, 1, 0], axis=1)
    mean, deviation = (
        np.array(triple, np.float32).reshape(1, 3, 1, 1) for triple in (rule.mean, rule.deviation)
    )
    offset = g.cast(g.Gather(before, [1, 0, 1, 0], axis=0), np.float32)
    return PreparedValues(g.Div(g.Sub(resized, mean), deviation), scale, offset)


def _fit(g: GraphBuilder, frame_hw: str, size: tuple[int, int]) -> tuple[str, str]:
    """Add `Letterbox.fit`; return the inner height and width, and the scale of x, y, x, y."""
    height, width = g.many("Split", 2, frame_hw, axis=0, num_outputs=2)
    by_width = g.LessOrEqual(g.Mul(height, size[1]), g.Mul(width, size[0]))
    above = g.Where(by_width, [size[1]], [size[0]])
    below = g.Where(by_width, width, height)
    # round half up of frame * above / below, in integers
    rounded = g.Div(g.Add(g.Mul(g.Mul(frame_hw, above), 2), below), g.Mul(below, 2))
    inner = g.Min(g.Max(rounded, 1), list(size))
    scale = g.Div(g.cast(above, np.float32), g.cast(below, np.float32))
    return inner, g.Gather(scale, [0, 0, 0, 0], axis=0)
