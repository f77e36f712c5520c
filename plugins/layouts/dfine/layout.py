"""D-FINE, DEIM and RT-DETR: the size of the image is an input, and boxes are scaled by it.

The network's own size is fed, so that boxes are in its pixels. Scripts disagree on the order of
width and height, which matters if the network's image is no square.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.plugins.layout.parts import label_scores, label_scores_of
from drivemeta.plugins.layout.protocol import Arrays, Found, Graph
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Order, Preparation, Way

SIZE = (640, 640)
SIZES = "orig_target_sizes"
OUTPUTS = ("labels", "boxes", "scores")
ORDERS: tuple[Order, ...] = ("wh", "hw")


class DFine:
    """Reads D-FINE and its relations."""

    def example(self) -> Signature:
        """Return the signature of D-FINE."""
        return Signature(
            (Tensor("images", "float32", (1, 3, *SIZE)), Tensor(SIZES, "int64", (1, 2))),
            (
                Tensor("labels", "int64", (1, 300)),
                Tensor("boxes", "float32", (1, 300, 4)),
                Tensor("scores", "float32", (1, 300)),
            ),
        )

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return one way, or one for each order of width and height."""
        sizes = next((t for t in file.inputs if t.name == SIZES), None)
        found = [file.output(name) for name in OUTPUTS]
        if file.image is None or sizes is None or sizes.dtype != "int64" or None in found:
            return []
        size = file.image_size(SIZE)
        why = f"an input `{SIZES}`, and outputs `labels`, `boxes` and `scores`"
        return [
            Way(
                why,
                Preparation(size, "stretch", "rgb", *UNIT, sizes=SIZES, sizes_order=order),
                0,
                choices={"sizes": order} if size[0] != size[1] else {},
            )
            for order in (ORDERS if size[0] != size[1] else ORDERS[:1])
        ]

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add classes of labels."""
        return outputs["boxes"], label_scores(g, outputs["labels"], outputs["scores"], way.n_slots)

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy."""
        labels, scores = outputs["labels"][0], outputs["scores"][0]
        return outputs["boxes"][0].astype(np.float32), label_scores_of(labels, scores, way.n_slots)
