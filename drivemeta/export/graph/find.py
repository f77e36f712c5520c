"""What finds: level 1, the user's own detector, or both, as one dense output."""

from __future__ import annotations

import onnx

from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.preprocess import Prepared

# What the names of the dense output begin with, before a number and a stroke.
FINDERS = ("found_", "level1_")


def find(
    g: GraphBuilder,
    level1: onnx.GraphProto | None,
    own: onnx.GraphProto | None,
    frame: Prepared,
    dim: int,
) -> tuple[str, ...]:
    """Add the networks that find; return boxes (N, A, 4), quality (N, A), embeddings (N, A, dim).

    Args:
        g: Graph that is built.
        level1: Graph from images to dense output, None without.
        own: Graph from frames to the dense output of the user's own detector, None without.
        frame: Frames, and the images that level 1 takes.
        dim: Columns of the bank's dense rows.
    """
    ours = None if level1 is None else g.inline(level1, {"x": frame.images})
    if own is None:
        assert ours is not None  # one of both is there
        return ours
    boxes, quality, embeddings = g.inline(own, {"x": frame.planes})
    boxes = g.Mul(boxes, frame.scale)  # in pixels of level 1's input, as all that is found
    if ours is not None:
        n_own = g.Gather(g.Shape(embeddings), [2], axis=0)
        n_level1 = g.Sub([dim], n_own)
        embeddings = g.Concat(
            g.Pad(ours[2], g.Concat([0, 0, 0, 0, 0], n_own, axis=0)),
            g.Pad(embeddings, g.Concat([0, 0], n_level1, [0, 0, 0], axis=0)),
            axis=1,
        )
        boxes, quality = g.Concat(ours[0], boxes, axis=1), g.Concat(ours[1], quality, axis=1)
    return g.named("found", {"boxes": boxes, "quality": quality, "embeddings": embeddings})
