"""mmdeploy's end-to-end exports: `dets`, corners and score, and `labels` in whole numbers.

The number of boxes depends on the image. RTMDet takes normalised BGR, others of mmdetection take
RGB by the same statistics, which the file does not say. RF-DETR's `dets` have four columns and its
`labels` are floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drivemeta.plugins.layout.parts import label_scores, label_scores_of, split
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import (
    IMAGENET,
    IMAGENET_BGR,
    Channels,
    Preparation,
    Statistics,
    Way,
)

SIZE = (640, 640)
INPUTS: dict[Channels, Statistics] = {"bgr": IMAGENET_BGR, "rgb": IMAGENET}


class RtmDet:
    """Reads RTMDet and other detectors by mmdeploy."""

    def example(self) -> Signature:
        """Return the signature of RTMDet."""
        return Signature(
            (Tensor("input", "float32", (None, 3, None, None)),),
            (
                Tensor("dets", "float32", (None, None, 5)),
                Tensor("labels", "int64", (None, None)),
            ),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return a way for each order of channels."""
        boxes, labels = file.output("dets"), file.output("labels")
        if file.image is None or len(file.outputs) != 2 or boxes is None or labels is None:
            return []
        whole = labels.dtype in {"int64", "int32"}
        if not whole or len(boxes.shape) != 3 or len(labels.shape) != 2 or boxes.shape[2] != 5:
            return []
        size = file.image_size(SIZE)
        why = "outputs `dets` of five columns and `labels` of whole numbers"
        return [
            Way(why, Preparation(size, "top-left", c, *s), 0, choices={"channels": c})
            for c, s in INPUTS.items()
        ]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add classes of labels."""
        boxes, scores = split(g, outputs["dets"], [4, 1])
        return boxes, label_scores(g, outputs["labels"], g.Squeeze(scores, [2]), way.n_slots)

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        rows, labels = outputs["dets"][0], outputs["labels"][0]
        return rows[:, :4], label_scores_of(labels, rows[:, 4], way.n_slots)
