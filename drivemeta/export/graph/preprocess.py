"""The first part of the graph: from raw frames to level 1's input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivemeta.core import Letterbox
from drivemeta.core.letterbox import GREY
from drivemeta.export.graph.builder import GraphBuilder


@dataclass(frozen=True)
class Prepared:
    """Names of the values that the rest of the graph needs.

    Attributes:
        planes: (N, 3, H, W) float32, RGB in 0..255, at the frames' own size.
        images: (N, 3, h, w) float32, RGB in [0, 1], letterboxed.
        n_frames: (1,) int64, N.
        limits: (4,) float32, W, H, W, H.
        scale: () float32, input pixels per frame pixel.
    """

    planes: str
    images: str
    n_frames: str
    limits: str
    scale: str


def prepare(
    g: GraphBuilder, frames: str, input_hw: tuple[int, int], frame_hw: tuple[int, int] | None
) -> Prepared:
    """Add what `core.letterbox.Letterbox` describes, for frames of any or of one size.

    Args:
        g: Graph that is built.
        frames: (N, H, W, 3) uint8 BGR.
        input_hw: Height and width of level 1's input.
        frame_hw: Height and width of the frames if they are all of one size.
    """
    # Reversing and reordering bytes is four times cheaper than floats; the frame is converted to
    # float once, as Resize truncates in uint8 and RoiAlign takes floats only.
    planes = g.cast(g.Gather(g.Transpose(frames, perm=[0, 3, 1, 2]), [2, 1, 0], axis=1), np.float32)
    shape = g.Shape(frames)
    n_frames = g.Slice(shape, [0], [1], [0])
    if frame_hw is None:
        resized, limits, scale = _fit_any(g, planes, shape, input_hw)
    else:
        resized, limits, scale = _fit_one(g, planes, n_frames, input_hw, frame_hw)
    return Prepared(planes, g.Mul(resized, 1 / 255), n_frames, limits, scale)


def _fit_one(
    g: GraphBuilder,
    planes: str,
    n_frames: str,
    input_hw: tuple[int, int],
    frame_hw: tuple[int, int],
) -> tuple[str, str, str]:
    fit = Letterbox.fit(frame_hw, input_hw)
    image = planes
    if (fit.height, fit.width) != frame_hw:
        image = _resize(g, planes, g.Concat(n_frames, [3, fit.height, fit.width], axis=0))
    right, bottom = input_hw[1] - fit.width, input_hw[0] - fit.height
    if right or bottom:
        image = g.Pad(image, [0, 0, 0, 0, 0, 0, bottom, right], float(GREY), mode="constant")
    height, width = frame_hw
    limits = np.array([width, height, width, height], np.float32)
    return image, g.value(limits), g.value(float(fit.scale))


def _fit_any(
    g: GraphBuilder, planes: str, shape: str, input_hw: tuple[int, int]
) -> tuple[str, str, str]:
    frame_hw = g.Slice(shape, [1], [3], [0])
    height, width = g.Slice(shape, [1], [2], [0]), g.Slice(shape, [2], [3], [0])
    by_width = g.LessOrEqual(g.Mul(height, input_hw[1]), g.Mul(width, input_hw[0]))
    above = g.Where(by_width, [input_hw[1]], [input_hw[0]])
    below = g.Where(by_width, width, height)
    # round half up of frame * above / below, in integers
    rounded = g.Div(g.Add(g.Mul(g.Mul(frame_hw, above), 2), below), g.Mul(below, 2))
    fitted = g.Min(g.Max(rounded, 1), list(input_hw))
    sizes = g.Concat(g.Slice(shape, [0], [1], [0]), [3], fitted, axis=0)
    pads = g.Concat([0, 0, 0, 0, 0, 0], g.Sub(list(input_hw), fitted), axis=0)
    image = g.Pad(_resize(g, planes, sizes), pads, float(GREY), mode="constant")
    limits = g.cast(g.Concat(width, height, width, height, axis=0), np.float32)
    scale = g.Div(g.cast(above, np.float32), g.cast(below, np.float32))
    return image, limits, g.Squeeze(scale, [0])


def _resize(g: GraphBuilder, planes: str, sizes: str) -> str:
    # ONNX Runtime before 1.24 refuses a model whose sizes it has not inferred to be four.
    sizes = g.Reshape(sizes, [4])
    return g.Resize(
        planes, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )
