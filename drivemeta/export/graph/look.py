"""A graph of the networks alone: what is seen in frames, before any class bank names it.

It finds as the whole graph does, and embeds every box that a class bank could have named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from drivemeta.core import ClassBank
from drivemeta.core.score_rule import N_CROPS, N_THING_CROPS
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.export.graph.assemble import Networks
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.find import find
from drivemeta.export.graph.locate import BankValues, Rows, candidates, distinct
from drivemeta.export.graph.name_leaves import crop_size, cut_boxes, padded
from drivemeta.export.graph.preprocess import Prepared, prepare
from drivemeta.models.traced.opset import IR_VERSION, OPSET
from drivemeta.runtime.manifest import InputRule

_FLOAT, _INT64 = TensorProto.FLOAT, TensorProto.INT64
OUTPUTS = {
    "boxes": _FLOAT,
    "scores": _FLOAT,
    "finders": _INT64,
    "quality": _FLOAT,
    "finder_logits": _FLOAT,
    "at": _INT64,
    "embeddings": _FLOAT,
    "sharpness": _FLOAT,
}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32).reshape(1, 3, 1, 1)
_LAPLACE = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32).reshape(1, 1, 3, 3)


@dataclass(frozen=True, eq=False)
class _Embedder:
    """An embedding: its network, which super-classes it sees, how many of each, how enlarged."""

    network: onnx.GraphProto
    of: NDArray[np.bool_]
    n_crops: int
    context: float


def look_graph(
    networks: Networks, bank: ClassBank, scoring: Scoring, rule: InputRule, least_score: float
) -> onnx.ModelProto:
    """Return the model from frames to boxes and embeddings.

    Its input is `frames` as of a whole model. Its outputs, for `n` boxes a frame, best first, and
    `K` boxes of all frames that are embedded:

    - `boxes` (N, n, 4) float32 xyxy in frame pixels, `scores` (N, n) float32 of level 1, -1 where
      there is no box, `finders` (N, n) int64, the dense row that found each;
    - `quality` (N, n) float32 and `finder_logits` (N, n, n_finders) float32 logits;
    - `at` (K, 2) int64, frame and box, `embeddings` (K, crop_dim) float32, and `sharpness` (K,)
      float32, the standard deviation of the Laplacian of each crop's luma as level 2 sees it.

    Embedded are the best 32 boxes of each super-class of signs and lights, and the best 16 of each
    of things: more than a class bank asks for, whichever super-classes it has rows for.

    Args:
        networks: Networks of the base.
        bank: Bank of the base, whose dense rows find.
        scoring: Constants of the base.
        rule: How frames are fitted into level 1's input.
        least_score: Level 1's score from which boxes are embedded.
    """
    g = GraphBuilder()
    frame = prepare(g, "frames", (rule.height, rule.width), None)
    dense = find(g, networks.level1, networks.own, frame, bank.dense.weights.shape[1])
    finders = np.arange(len(bank.dense), dtype=np.int64)
    values = BankValues(
        g.initializer("dense_weights", bank.dense.weights),
        g.initializer("dense_biases", bank.dense.biases),
        g.initializer("finder_numbers", finders),
        g.initializer("dense_roots", bank.dense.roots),
    )
    found, places = candidates(g, dense, networks.n_locations, values, frame, scoring)
    rows, order = distinct(g, found, frame, scoring)
    places = g.GatherElements(places, order, axis=1)
    quality = g.GatherElements(dense[1], places, axis=1)
    seen = g.GatherND(dense[2], g.Unsqueeze(places, [2]), batch_dims=1)
    cosines = g.MatMul(seen, g.Transpose(values.weights, perm=[1, 0]))
    logits = g.Mul(g.Sub(cosines, values.biases), float(scoring.dense_scale))
    outputs = {
        "boxes": rows.boxes,
        "scores": rows.scores,
        "finders": rows.labels,
        "quality": quality,
        "finder_logits": logits,
        **_embedded(g, rows, frame, _embedders(networks, bank, scoring), bank, least_score),
    }
    for name, value in outputs.items():
        g.nodes.append(helper.make_node("Identity", [value], [name], name))
    infos = [helper.make_tensor_value_info(name, OUTPUTS[name], None) for name in outputs]
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", "H", "W", 3])
    return helper.make_model(
        g.graph("drivemeta_look", [frames], infos),
        producer_name="drivemeta",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )


def _embedders(networks: Networks, bank: ClassBank, scoring: Scoring) -> list[_Embedder]:
    things, found = is_thing(bank.names, scoring), []
    if networks.level2 is not None:
        found.append(_Embedder(networks.level2, ~things, N_CROPS, scoring.context))
    if networks.things is not None:
        context = scoring.thing_context
        found.append(_Embedder(networks.things, things, N_THING_CROPS, context))
    return found


def _embedded(
    g: GraphBuilder,
    rows: Rows,
    frame: Prepared,
    embedders: list[_Embedder],
    bank: ClassBank,
    least_score: float,
) -> dict[str, str]:
    """Add the embeddings of all boxes that could be named, of one length."""
    order = np.arange(rows.n)
    before = g.cast(g.Greater(order[:, None], order[None]), np.float32)  # folded by the session
    roots = g.cast(rows.roots, np.float32)
    same = g.cast(g.Equal(g.Unsqueeze(roots, [2]), g.Unsqueeze(roots, [1])), np.float32)
    rank = g.ReduceSum(g.Mul(same, before), [2], keepdims=0)
    strong = g.GreaterOrEqual(rows.scores, float(least_score))
    parts: dict[str, list[str]] = {"at": [], "embeddings": [], "sharpness": []}
    for eye in embedders:
        wanted = g.And(g.Less(rank, float(eye.n_crops)), g.Gather(eye.of, rows.roots))
        at = g.Transpose(g.NonZero(g.And(strong, wanted)), perm=[1, 0])
        # Networks take no empty batch: the first box is always among them, and taken out again.
        chosen = g.Concat(np.zeros((1, 2), np.int64), at, axis=0)
        batch = g.Squeeze(g.Slice(chosen, [0], [1], [1]), [1])
        size = crop_size(eye.network)
        boxes = g.GatherND(rows.boxes, chosen)
        crops = cut_boxes(g, boxes, batch, frame, eye.context, size)
        (embeddings,) = g.inline(eye.network, {"x": crops})
        embeddings = padded(g, embeddings, bank.crop.weights.shape[1])
        made = {"at": at, "embeddings": embeddings, "sharpness": _sharpness(g, crops)}
        for name, value in made.items():
            parts[name].append(value if name == "at" else g.Slice(value, [1], [2**31], [0]))
    return {
        name: values[0] if len(values) == 1 else g.Concat(*values, axis=0)
        for name, values in parts.items()
    }


def _sharpness(g: GraphBuilder, crops: str) -> str:
    """Add the (K,) standard deviation of the Laplacian of crops' luma, in 0..255."""
    luma = g.Mul(g.Conv(crops, _LUMA), 255.0)
    edges = g.Conv(luma, _LAPLACE)
    mean = g.ReduceMean(edges, [1, 2, 3], keepdims=1)
    away = g.Sub(edges, mean)
    return g.Sqrt(g.ReduceMean(g.Mul(away, away), [1, 2, 3], keepdims=0))
