"""FastestDet: a map of stride 16 with objectness, place, size and classes of one box a cell.

From the example that comes with it (github dog-qiuqiu/FastestDet): objectness and classes are
probabilities already and are joined by their powers 0.6 and 0.4; `tanh` and sigmoid of place and
size are outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import cells, corners, corners_of, sigmoid, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Preparation, Way

SIZE = (352, 352)
STRIDE = 16
OF_OBJECT, OF_CLASS = 0.6, 0.4


class FastestDet:
    """Reads FastestDet."""

    def example(self) -> Signature:
        """Return the signature of its model of COCO."""
        return Signature(
            (Tensor("input.1", "float32", (1, 3, *SIZE)),),
            (Tensor("758", "float32", (1, 85, 22, 22)),),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return the one way: BGR in 0..1, stretched."""
        if file.image is None or len(file.inputs) != 1 or len(file.outputs) != 1:
            return []
        shape, size = file.outputs[0].shape, file.image_size(SIZE)
        if len(shape) != 4 or shape[2:] != tuple(side // STRIDE for side in size):
            return []
        n = (shape[1] or 0) - 5
        why = "one map of stride 16 with five values and classes"
        frame = Preparation(size, "stretch", "bgr", *UNIT)
        return [Way(why, frame, n)] if n > 0 else []

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add places and sizes, and the product of powers."""
        (output,) = outputs.values()
        flat = g.Reshape(output, [0, 5 + way.n_slots, -1])
        rows = g.Transpose(flat, perm=[0, 2, 1])
        objectness, places, sizes, classes = split(g, rows, [1, 2, 2, way.n_slots])
        grid, strides = cells(way.frame.size, [STRIDE])
        centres = g.Mul(g.Add(g.Tanh(places), grid), strides)
        scores = g.Mul(g.Pow(objectness, OF_OBJECT), g.Pow(classes, OF_CLASS))
        return corners(g, centres, g.Mul(g.Sigmoid(sizes), _whole(way))), scores

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        (output,) = outputs.values()
        rows = output[0].reshape(5 + way.n_slots, -1).T
        grid, strides = cells(way.frame.size, [STRIDE])
        centres = (np.tanh(rows[:, 1:3]) + grid) * strides
        scores = rows[:, :1] ** OF_OBJECT * rows[:, 5:] ** OF_CLASS
        return corners_of(centres, sigmoid(rows[:, 3:5]) * _whole(way)), scores


def _whole(way: Way) -> np.ndarray:
    """Return width and height of the network's image."""
    return np.array(way.frame.size[::-1], np.float32)
