"""A detector whose one output has rows of left, top, width, height and probabilities."""

import numpy as np

from drivemeta.plugins.layout.parts import split
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import UNIT, Preparation, Way

SIZE = (192, 320)
OUTPUT = "boxes_and_classes"


class CornerAndSize:
    """Reads files whose output is called `boxes_and_classes`: a name that no other has."""

    def example(self):
        """Return the signature of such a file with two classes."""
        image = Tensor("image", "float32", (1, 3, *SIZE))
        return Signature((image,), (Tensor(OUTPUT, "float32", (1, 100, 6)),))

    def recognise(self, file):
        """Return the one way: RGB in 0..1, stretched."""
        rows = file.output(OUTPUT)
        if file.image is None or rows is None or len(rows.shape) != 3 or (rows.shape[2] or 0) < 5:
            return []
        frame = Preparation(file.image_size(SIZE), "stretch", "rgb", *UNIT)
        return [Way(f"output `{OUTPUT}`", frame, rows.shape[2] - 4)]

    def decode(self, g, way, outputs):
        """Add corners: the first, and the first and the sides."""
        first, sides, scores = split(g, outputs[OUTPUT], [2, 2, way.n_slots])
        return g.Concat(first, g.Add(first, sides), axis=2), scores

    def decode_arrays(self, _way, outputs):
        """Return the same in numpy: (A, 4) xyxy in pixels, (A, n_slots)."""
        first, sides, scores = np.split(outputs[OUTPUT][0], [2, 4], axis=1)
        return np.concatenate([first, first + sides], 1), scores
