"""NanoDet: distances to the four sides as distributions over eight bins, classes as probabilities.

NanoDet-Plus gives one output, with the classes first; NanoDet-m six, classes and distances of each
stride. The softmax over the bins is outside of both. Distances are in strides, from a point of the
cell: its corner in NanoDet-Plus, its middle in older files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import FloatArray, cells, softmax, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import IMAGENET_BGR, Preparation, Way

SIZE = (416, 416)
PLUS, OLD = (8, 16, 32, 64), (8, 16, 32)
BINS = 8


class NanoDet:
    """Reads NanoDet-Plus and NanoDet-m."""

    def example(self) -> Signature:
        """Return the signature of NanoDet-Plus-m of 416 pixels."""
        return Signature(
            (Tensor("data", "float32", (1, 3, *SIZE)),),
            (Tensor("output", "float32", (1, 3598, 112)),),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return the one way of NanoDet-Plus, or both points of a cell of older files."""
        if file.image is None or len(file.inputs) != 1:
            return []
        size = file.image_size(SIZE)
        frame = Preparation(size, "stretch", "bgr", *IMAGENET_BGR)
        n_plus = len(cells(size, PLUS)[0])
        first = file.outputs[0].shape
        if len(file.outputs) == 1 and len(first) == 3 and first[1] == n_plus:
            why = f"one output of {n_plus} cells, of strides 8 to 64"
            n = (first[2] or 0) - 4 * BINS
            return [Way(why, frame, n, choices={"point": "corner"})] if n > 0 else []
        names = _of_strides(file, size)
        if names is None:
            return []
        why = "classes and distances of the strides 8, 16 and 32"
        n = file.outputs[0].shape[2] or 0
        return [Way(why, frame, n, choices={"point": p}) for p in ("middle", "corner")]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add the mean of each distribution as distance to a side."""
        values = list(outputs.values())
        if len(values) == 1:
            scores, bins = split(g, values[0], [way.n_slots, 4 * BINS])
        else:
            scores, bins = (g.Concat(*half, axis=1) for half in (values[:3], values[3:]))
        points, strides = _points(way, len(values))
        bins = g.Softmax(g.Reshape(bins, [0, 0, 4, BINS]), axis=3)
        steps = np.arange(BINS, dtype=np.float32)
        distances = g.Mul(g.ReduceSum(g.Mul(bins, steps), [3], keepdims=0), strides)
        before, after = split(g, distances, [2, 2])
        return g.Concat(g.Sub(points, before), g.Add(points, after), axis=2), scores

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        values = [value[0] for value in outputs.values()]
        if len(values) == 1:
            scores, bins = values[0][:, : way.n_slots], values[0][:, way.n_slots :]
        else:
            scores, bins = np.concatenate(values[:3]), np.concatenate(values[3:])
        points, strides = _points(way, len(values))
        distances = softmax(bins.reshape(-1, 4, BINS)) @ np.arange(BINS, dtype=np.float32) * strides
        boxes = np.concatenate([points - distances[:, :2], points + distances[:, 2:]], 1)
        return boxes.astype(np.float32), scores


def _of_strides(file: Signature, size: tuple[int, int]) -> tuple[Tensor, ...] | None:
    """Return the six outputs of an older file, classes first; None if they are others."""
    if len(file.outputs) != 6 or any(len(t.shape) != 3 for t in file.outputs):
        return None
    counts = [len(cells(size, [stride])[0]) for stride in OLD]
    classes, distances = file.outputs[:3], file.outputs[3:]
    fits = [t.shape[1] for t in classes] == counts == [t.shape[1] for t in distances]
    alike = len({t.shape[2] for t in classes}) == 1 and classes[0].shape[2]
    return file.outputs if fits and alike and {t.shape[2] for t in distances} == {32} else None


def _points(way: Way, n_outputs: int) -> tuple[FloatArray, FloatArray]:
    """Return the (A, 2) points that distances are measured from, and the (A, 1) strides."""
    grid, strides = cells(way.frame.size, PLUS if n_outputs == 1 else OLD)
    middle = (strides - 1) / 2 if way.choices["point"] == "middle" else np.float32(0)
    return (grid * strides + middle).astype(np.float32), strides
