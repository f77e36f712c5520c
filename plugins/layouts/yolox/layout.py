"""YOLOX as its export script writes it: one output of centre, size, objectness and classes.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", 2021, arXiv 2107.08430. Objectness and classes
are probabilities already. By default the boxes are raw, so that the numbers are small; a flag of
the script decodes them, and the shape stays the same. Weights before version 0.1.1 take normalised
RGB in place of BGR in 0..255.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from drivemeta.plugins.layout.parts import cells, corners, corners_of, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import (
    BYTES,
    IMAGENET,
    Channels,
    Preparation,
    Statistics,
    Way,
)

SIZE = (640, 640)
STRIDES = (8, 16, 32)
INPUTS: dict[str, tuple[Channels, Statistics]] = {
    "bgr 0..255": ("bgr", BYTES),
    "rgb imagenet": ("rgb", IMAGENET),
}


class YoloX:
    """Reads YOLOX."""

    def example(self) -> Signature:
        """Return the signature of YOLOX-s."""
        return Signature(
            (Tensor("images", "float32", (1, 3, *SIZE)),),
            (Tensor("output", "float32", (1, 8400, 85)),),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return raw and decoded boxes, each with both ways to prepare frames."""
        if file.image is None or len(file.inputs) != 1 or len(file.outputs) != 1:
            return []
        output, size = file.outputs[0], file.image_size(SIZE)
        n_cells = len(cells(size, STRIDES)[0])
        if len(output.shape) != 3 or output.shape[1] != n_cells or (output.shape[2] or 0) < 6:
            return []
        why = f"one output of {n_cells} cells of {output.shape[2]} values, strides 8, 16 and 32"
        return [
            Way(
                why,
                Preparation(size, "top-left", channels, *statistics),
                (output.shape[2] or 0) - 5,
                choices={"boxes": boxes, "input": name},
            )
            for (name, (channels, statistics)), boxes in product(INPUTS.items(), ("raw", "decoded"))
        ]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add cells and strides to raw boxes, and objectness to classes."""
        (output,) = outputs.values()
        centres, sides, objectness, classes = split(g, output, [2, 2, 1, way.n_slots])
        if way.choices["boxes"] == "raw":
            grid, strides = cells(way.frame.size, STRIDES)
            centres = g.Mul(g.Add(centres, grid), strides)
            sides = g.Mul(g.Exp(sides), strides)
        return corners(g, centres, sides), g.Mul(objectness, classes)

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        (output,) = outputs.values()
        centres, sides = output[0, :, :2], output[0, :, 2:4]
        if way.choices["boxes"] == "raw":
            grid, strides = cells(way.frame.size, STRIDES)
            centres, sides = (centres + grid) * strides, np.exp(np.minimum(sides, 80)) * strides
        return corners_of(centres, sides), output[0, :, 4:5] * output[0, :, 5:]
