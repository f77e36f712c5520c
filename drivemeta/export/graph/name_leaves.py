"""The third part of the graph: level 2 names the leaves of the boxes that have some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from drivemeta.core.score_rule import QUOTA_BONUS
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.locate import BankValues, Rows
from drivemeta.export.graph.preprocess import Prepared

_NEVER = -1e9


@dataclass(frozen=True, eq=False)
class Eye:
    """An embedding of level 2, and how it looks at boxes.

    Attributes:
        network: Graph from crops to embeddings.
        of: (n_classes,) bool, which super-classes it looks at.
        n_crops: Greatest number of crops a frame.
        context: Factor by which a box is enlarged before it is cut out.
        scale: Inverse temperature of its logits.
        width: Columns of the bank's rows if its embeddings may have fewer, else 0.
    """

    network: onnx.GraphProto
    of: NDArray[np.bool_]
    n_crops: int
    context: float
    scale: float
    width: int = 0


class Names(NamedTuple):
    """What level 2 says of each row, (N, n) each.

    Attributes:
        leaf: Best leaf, int64.
        probability: Its probability, float32; 0 where level 2 did not run.
        p_any: Probability of being no background, float32; 1 where level 2 did not run.
    """

    leaf: str
    probability: str
    p_any: str


def name_leaves(g: GraphBuilder, rows: Rows, bank: BankValues, frame: Prepared, eye: Eye) -> Names:
    """Add the choice of crops, level 2 and the choice among leaves.

    Args:
        g: Graph that is built; the bank must have at least one crop row when this part runs.
        rows: Boxes that level 1 located.
        bank: Crop rows.
        frame: Frames at full resolution.
        eye: Embedding that looks at the boxes of its super-classes.
    """
    n_crops = min(eye.n_crops, rows.n)
    priority, slots = g.many("TopK", 2, crop_priority(g, rows, bank, eye), [n_crops], axis=1)
    crops = cut_crops(g, rows, slots, frame, eye.context, n_crops, crop_size(eye.network))
    (embeddings,) = g.inline(eye.network, {"x": crops})
    if eye.width:
        embeddings = to_width(g, embeddings, eye.width)
    logits = _logits(g, embeddings, rows, slots, bank, eye.scale)
    votes = _leaf_votes(g, bank, len(eye.of))
    p = g.Softmax(logits, axis=1)
    by_leaf = g.MatMul(p, g.cast(votes, np.float32))  # (N * k, classes)
    known = g.Unsqueeze(g.cast(g.GreaterOrEqual(bank.owners, 0), np.float32), [1])
    per_frame = [-1, n_crops]
    leaf = g.Reshape(g.ArgMax(by_leaf, axis=1, keepdims=0), per_frame)
    best = g.Min(g.Reshape(g.ReduceMax(by_leaf, [1], keepdims=0), per_frame), 1.0)
    p_any = g.Min(g.Reshape(g.MatMul(p, known), per_frame), 1.0)
    looked = g.Greater(priority, 0.0)
    nothing = g.Mul(rows.scores, 0.0)
    leaf = g.Where(looked, leaf, 0)
    return Names(
        g.ScatterElements(g.cast(nothing, np.int64), slots, leaf, axis=1),
        g.ScatterElements(nothing, slots, g.Where(looked, best, 0.0), axis=1),
        g.ScatterElements(g.Add(nothing, 1.0), slots, g.Where(looked, p_any, 1.0), axis=1),
    )


def _logits(
    g: GraphBuilder, embeddings: str, rows: Rows, slots: str, bank: BankValues, scale: float
) -> str:
    """Add (N * k, rows) float32 logits of crops; those of rows below another root are never."""
    cosines = g.MatMul(embeddings, g.Transpose(bank.weights, perm=[1, 0]))
    logits = g.Mul(g.Sub(cosines, bank.biases), float(scale))
    roots = g.Reshape(g.GatherElements(rows.roots, slots, axis=1), [-1, 1])
    return g.Where(g.Equal(roots, bank.roots), logits, _NEVER)


def _leaf_votes(g: GraphBuilder, bank: BankValues, n_classes: int) -> str:
    """Add which leaf each row votes for, (rows, classes) bool."""
    labels = np.arange(n_classes, dtype=np.int64)
    is_leaf = g.Unsqueeze(g.Not(g.Equal(bank.owners, bank.roots)), [1])
    return g.And(g.Equal(g.Unsqueeze(bank.owners, [1]), labels), is_leaf)


def crop_priority(g: GraphBuilder, rows: Rows, bank: BankValues, eye: Eye) -> str:
    """Add how urgently each row wants level 2: 0 if its root has no leaves there.

    Every root that owns rows has the same quota of crops; its best boxes come before all boxes
    beyond anyone's quota. Returns (N, n) float32.
    """
    labels = np.arange(len(eye.of), dtype=np.int64)[:, None]
    names = g.GreaterOrEqual(bank.owners, 0)
    owned = g.cast(g.And(g.Equal(bank.roots, labels), names), np.float32)  # (classes, rows)
    owns = g.ReduceMax(owned, [1], keepdims=0)
    if not eye.of.all():
        owns = g.Mul(owns, eye.of.astype(np.float32))
    quota = g.Floor(g.Div(float(eye.n_crops), g.Max(g.ReduceSum(owns, keepdims=0), 1.0)))
    order = np.arange(rows.n)
    before = g.cast(g.Greater(order[:, None], order[None]), np.float32)  # folded by the session
    roots = g.cast(rows.roots, np.float32)
    same = g.cast(g.Equal(g.Unsqueeze(roots, [2]), g.Unsqueeze(roots, [1])), np.float32)
    rank = g.ReduceSum(g.Mul(same, before), [2], keepdims=0)
    bonus = g.Where(g.Less(rank, quota), QUOTA_BONUS, 0.0)
    real = g.cast(g.GreaterOrEqual(rows.scores, 0.0), np.float32)
    return g.Mul(g.Mul(g.Gather(owns, rows.roots), real), g.Add(rows.scores, bonus))


def to_width(g: GraphBuilder, embeddings: str, width: int) -> str:
    """Add columns of zeros to (n, dim) embeddings, up to a width."""
    missing = g.Sub([width], g.Slice(g.Shape(embeddings), [1], [2]))
    return g.Pad(embeddings, g.Concat([0, 0, 0], missing, axis=0))


def crop_size(level2: onnx.GraphProto) -> int:
    """Return the side in pixels of the crops that level 2 takes."""
    return int(level2.input[0].type.tensor_type.shape.dim[2].dim_value)


def cut_crops(  # noqa: PLR0913  (a stage of a graph takes the values of those before it)
    g: GraphBuilder,
    rows: Rows,
    slots: str,
    frame: Prepared,
    context: float,
    n_crops: int,
    size: int,
) -> str:
    """Add the cutting of (N * n_crops, 3, size, size) crops of rows from the frames."""
    boxes = g.GatherND(rows.boxes, g.Unsqueeze(slots, [2]), batch_dims=1)
    batch = g.Range(0, g.Squeeze(frame.n_frames, [0]), 1)
    batch = g.Expand(g.Unsqueeze(batch, [1]), [1, n_crops])
    return cut_boxes(g, boxes, g.Reshape(batch, [-1]), frame, context, size)


def cut_boxes(
    g: GraphBuilder, boxes: str, batch: str, frame: Prepared, context: float, size: int
) -> str:
    """Add the cutting of (K, 3, size, size) RGB crops in [0, 1] from the frames.

    Args:
        g: Graph that is built.
        boxes: (..., 4) float32, K in all, xyxy in frame pixels.
        batch: (K,) int64, the frame that each lies in.
        frame: Frames at full resolution.
        context: Factor by which a box is enlarged.
        size: Side of a crop in pixels.
    """
    # x1' = x1 - m (x2 - x1) and so on: one product with a constant matrix
    m = (context - 1) / 2
    grow = np.kron(np.array([[1 + m, -m], [-m, 1 + m]]), np.eye(2)).astype(np.float32)
    boxes = g.Min(g.Max(g.MatMul(boxes, grow), 0.0), frame.limits)
    crops = g.RoiAlign(
        frame.planes,
        g.Reshape(boxes, [-1, 4]),
        batch,
        output_height=size,
        output_width=size,
        sampling_ratio=2,
        coordinate_transformation_mode="half_pixel",
        mode="avg",
    )
    return g.Mul(crops, 1 / 255)
