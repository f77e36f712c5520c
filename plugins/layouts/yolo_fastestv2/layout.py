"""Yolo-FastestV2: two strides of three anchors, all classes of a cell shared, no batch axis.

From github hpc203/yolo-fastestv2-opencv: four values of each anchor, then the objectness of each,
then the classes, all of them probabilities already. The anchors are those of COCO and are not in
the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import FloatArray, cells, corners, corners_of, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Preparation, Way

SIZE = (352, 352)
STRIDES = (16, 32)
N_ANCHORS = 3
ANCHORS = (
    ((12.64, 19.39), (37.88, 51.48), (55.71, 138.31)),
    ((126.91, 78.23), (131.57, 214.55), (279.92, 258.87)),
)


class YoloFastestV2:
    """Reads Yolo-FastestV2."""

    def example(self) -> Signature:
        """Return the signature of its model of COCO."""
        return Signature(
            (Tensor("input.1", "float32", (1, 3, *SIZE)),),
            (Tensor("845", "float32", (605, 95)),),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return the one way: BGR in 0..1, stretched."""
        if file.image is None or len(file.inputs) != 1 or len(file.outputs) != 1:
            return []
        shape, size = file.outputs[0].shape, file.image_size(SIZE)
        n_cells = len(cells(size, STRIDES)[0])
        if len(shape) != 2 or shape[0] != n_cells or (shape[1] or 0) <= 5 * N_ANCHORS:
            return []
        why = f"one output of {n_cells} cells, of strides 16 and 32, without a batch axis"
        frame = Preparation(size, "stretch", "bgr", *UNIT)
        return [Way(why, frame, (shape[1] or 0) - 5 * N_ANCHORS)]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add cells and anchors; each anchor of a cell is a box of its own."""
        (output,) = outputs.values()
        sizes = [4 * N_ANCHORS, N_ANCHORS, way.n_slots]
        places, objectness, classes = split(g, output, sizes, axis=1)
        grid, strides, anchors = _anchors(way)
        places = g.Reshape(places, [1, -1, 4])
        centres, sides = split(g, places, [2, 2])
        centres = g.Mul(g.Add(g.Sub(g.Mul(centres, 2.0), 0.5), grid), strides)
        doubled = g.Mul(sides, 2.0)
        sides = g.Mul(g.Mul(doubled, doubled), anchors)
        scores = g.Mul(g.Unsqueeze(objectness, [2]), g.Unsqueeze(classes, [1]))
        return corners(g, centres, sides), g.Reshape(scores, [1, -1, way.n_slots])

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        (output,) = outputs.values()
        grid, strides, anchors = _anchors(way)
        places = output[:, : 4 * N_ANCHORS].reshape(-1, 4)
        objectness, classes = np.split(output[:, 4 * N_ANCHORS :], [N_ANCHORS], 1)
        centres = (places[:, :2] * 2 - 0.5 + grid) * strides
        scores = objectness[:, :, None] * classes[:, None]
        boxes = corners_of(centres, (places[:, 2:] * 2) ** 2 * anchors)
        return boxes, scores.reshape(-1, way.n_slots)


def _anchors(way: Way) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cell, stride and anchor of each box, (A, 2), (A, 1) and (A, 2)."""
    grid, strides = cells(way.frame.size, STRIDES)
    anchors = np.array(ANCHORS, np.float32)[np.searchsorted(STRIDES, strides[:, 0])]
    return (
        np.repeat(grid, N_ANCHORS, 0),
        np.repeat(strides, N_ANCHORS, 0),
        anchors.reshape(-1, 2),
    )
