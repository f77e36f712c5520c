"""Ultralytics' exports of YOLO: one output, whose shape and metadata tell the version.

YOLOv5 gives centre, size, objectness and classes of three anchors a cell; YOLOv8 and 11 centre,
size and classes of one place a cell, places last; v10 and 26, and exports with suppression inside,
corners, score and class of 300 boxes. All scores are probabilities, all boxes in pixels. Names,
size and task stand in the metadata.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import (
    cells,
    corners,
    corners_of,
    label_scores,
    label_scores_of,
    split,
)
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Preparation, Way

SIZE = (640, 640)
STRIDES = (8, 16, 32)
N_ANCHORS = 3
V5, V8, END = "v5", "v8", "end to end"


class Yolo:
    """Reads Ultralytics' exports."""

    def example(self) -> Signature:
        """Return the signature of YOLO11n."""
        return Signature(
            (Tensor("images", "float32", (1, 3, *SIZE)),),
            (Tensor("output0", "float32", (1, 84, 8400)),),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return the one way of its version: centred, RGB in 0..1."""
        one = len(file.inputs) == 1 == len(file.outputs)
        if file.image is None or not one or file.metadata.get("task", "detect") != "detect":
            return []
        size = file.image_size(_stated_size(file))
        found = _version(file, len(cells(size, STRIDES)[0]))
        if found is None:
            return []
        version, n_slots = found
        said = (
            f"; its metadata names {file.metadata['author']}" if "author" in file.metadata else ""
        )
        why = f"one output of {_SHAPES[version]}{said}"
        frame = Preparation(size, "centred", "rgb", *UNIT)
        return [Way(why, frame, n_slots, choices={"version": version})]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add corners of centres, and classes of labels."""
        (output,), version = outputs.values(), way.choices["version"]
        if version == END:
            boxes, scores, labels = split(g, output, [4, 1, 1])
            flat = (g.Squeeze(labels, [2]), g.Squeeze(scores, [2]))
            return boxes, label_scores(g, *flat, way.n_slots)
        if version == V8:
            rows = g.Transpose(output, perm=[0, 2, 1])
            centres, sides, scores = split(g, rows, [2, 2, way.n_slots])
        else:
            centres, sides, objectness, classes = split(g, output, [2, 2, 1, way.n_slots])
            scores = g.Mul(objectness, classes)
        return corners(g, centres, sides), scores

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        (output,), version = outputs.values(), way.choices["version"]
        rows = output[0].T if version == V8 else output[0]
        if version == END:
            labels = rows[:, 5].astype(np.int64)
            return rows[:, :4], label_scores_of(labels, rows[:, 4], way.n_slots)
        scores = rows[:, 4:] if version == V8 else rows[:, 4:5] * rows[:, 5:]
        return corners_of(rows[:, :2], rows[:, 2:4]), scores


_SHAPES = {
    V5: "three anchors a cell with centre, size, objectness and classes",
    V8: "centre, size and classes a cell, cells last",
    END: "corners, score and class a box",
}


def _version(file: Signature, n_cells: int) -> tuple[str, int] | None:
    """Return the version and the number of scores (0 for labels); None if it is none of these."""
    shape = file.outputs[0].shape
    if len(shape) != 3:
        return None
    _, second, third = shape
    if third == 6 and second not in {n_cells, N_ANCHORS * n_cells}:
        return END, 0
    if second == N_ANCHORS * n_cells and (third or 0) > 5:
        return V5, (third or 0) - 5
    named = "author" in file.metadata and third is None
    if (third == n_cells or named) and (second or 0) > 4:
        return V8, (second or 0) - 4
    return None


def _stated_size(file: Signature) -> tuple[int, int]:
    """Return height and width that the metadata states, the usual ones if it does not."""
    try:
        height, width = ast.literal_eval(file.metadata.get("imgsz", str(list(SIZE))))
        return int(height), int(width)
    except (ValueError, SyntaxError, TypeError):
        return SIZE
