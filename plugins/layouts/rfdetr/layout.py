"""RF-DETR: `dets`, boxes as centre and size in shares of the image, and `labels`, float logits.

The sigmoid is outside. Checkpoints of COCO have 91 scores, by COCO's own numbers; in others a slot
may be background, the first or the last. mmdeploy's `dets` and `labels` have five columns and whole
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import corners, corners_of, sigmoid, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import IMAGENET, Preparation, Slots, Way

SIZE = (560, 560)
SLOTS: dict[str, Slots] = {
    "none": "plain",
    "first": "first",
    "last": "last",
    "coco's numbers": "coco",
}


class RfDetr:
    """Reads RF-DETR."""

    def example(self) -> Signature:
        """Return the signature of its base model."""
        return Signature(
            (Tensor("input", "float32", (1, 3, *SIZE)),),
            (
                Tensor("dets", "float32", (1, 300, 4)),
                Tensor("labels", "float32", (1, 300, 91)),
            ),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return a way for each place that a background may have."""
        boxes, logits = file.output("dets"), file.output("labels")
        if file.image is None or len(file.outputs) != 2 or boxes is None or logits is None:
            return []
        floats = boxes.dtype.startswith("float") and logits.dtype.startswith("float")
        if not floats or len(boxes.shape) != 3 != len(logits.shape) or boxes.shape[2] != 4:
            return []
        n = logits.shape[-1] or 0
        frame = Preparation(file.image_size(SIZE), "stretch", "rgb", *IMAGENET)
        why = f"outputs `dets` of four columns and `labels` of {n} floats"
        return [
            Way(why, frame, n, slots, {"background": name})
            for name, slots in SLOTS.items()
            if n > 1 and (n == 91 or slots != "coco")
        ]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add pixels and sigmoids."""
        centres, sides = split(g, g.Mul(outputs["dets"], _whole(way)), [2, 2])
        return corners(g, centres, sides), g.Sigmoid(outputs["labels"])

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        rows = outputs["dets"][0] * _whole(way)
        return corners_of(rows[:, :2], rows[:, 2:]), sigmoid(outputs["labels"][0])


def _whole(way: Way) -> np.ndarray:
    """Return width, height, width and height of the network's image."""
    height, width = way.frame.size
    return np.array([width, height, width, height], np.float32)
