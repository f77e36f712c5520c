"""torchvision's detectors: boxes, scores and labels of one image, without a batch axis.

The image is RGB in 0..1, of any size; statistics, resizing and suppression are inside. Label 0 is
background; models of COCO use its own numbers, 1 to 90, others count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import label_scores, label_scores_of
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Preparation, Slots, Way

SIZE = (640, 640)
NAMES = ("boxes", "labels", "scores")
LABELS: dict[str, Slots] = {"coco's numbers": "coco", "from 1": "first"}


class TorchVision:
    """Reads torchvision's detectors."""

    def example(self) -> Signature:
        """Return the signature of Faster R-CNN."""
        return Signature(
            (Tensor("image", "float32", (3, None, None)),),
            (
                Tensor("boxes", "float32", (None, 4)),
                Tensor("labels", "int64", (None,)),
                Tensor("scores", "float32", (None,)),
            ),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return a way for each meaning of labels."""
        if file.image is None or len(file.inputs) != 1 or not _is_torchvision(file):
            return []
        frame = Preparation(file.image_size(SIZE), "top-left", "rgb", *UNIT)
        why = "boxes, labels in whole numbers and scores of one image, without a batch axis"
        return [Way(why, frame, 0, slots, {"labels": name}) for name, slots in LABELS.items()]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add a batch axis, and classes of labels."""
        boxes, labels, scores = (g.Unsqueeze(outputs[name], [0]) for name in NAMES)
        return boxes, label_scores(g, labels, scores, way.n_slots)

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        boxes, labels, scores = (outputs[name] for name in NAMES)
        return boxes.astype(np.float32), label_scores_of(labels, scores, way.n_slots)


def _is_torchvision(file: Signature) -> bool:
    found = [file.output(name) for name in NAMES]
    if len(file.outputs) != 3 or None in found:
        return False
    boxes, labels, scores = (tensor for tensor in found if tensor is not None)
    ranks = [len(tensor.shape) for tensor in (boxes, labels, scores)]
    return ranks == [2, 1, 1] and boxes.shape[1] == 4 and labels.dtype == "int64"
