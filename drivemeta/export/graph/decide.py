"""The last part of the graph: what is reported, as what, and once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import N_ROWS
from drivemeta.core.scoring import Scoring
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.locate import Rows, iou_of, same_root, settled
from drivemeta.export.graph.name_leaves import Names


@dataclass(frozen=True, eq=False)
class Sides:
    """What each label is, were it a super-class.

    Attributes:
        things: (n_classes,) bool, embedded as things.
        flat: (n_classes,) bool, signs or lights, see `core.one_object`.
        weights: (n_classes,) float32, what scores count against a rival's, see `core.one_object`.
    """

    things: NDArray[np.bool_]
    flat: NDArray[np.bool_]
    weights: FloatArray


def decide(
    g: GraphBuilder,
    rows: Rows,
    names: Names | None,
    scoring: Scoring,
    sides: Sides,
) -> None:
    """Add the choice between leaf, parent and nothing, and the outputs.

    Args:
        g: Graph that is built.
        rows: Boxes that level 1 located.
        names: What level 2 says of them, None where it says nothing.
        scoring: Constants of the score rule.
        sides: Which super-classes are what.
    """
    scores, labels = rows.scores, rows.labels

    def constant(sign: float, thing: float) -> str | float:
        if not sides.things.any():
            return float(sign)
        return g.Gather(np.where(sides.things, thing, sign).astype(np.float32), rows.roots)

    if names is not None:
        doubt = g.Pow(names.p_any, constant(scoring.parent_power, scoring.thing_parent_power))
        scores = g.Mul(scores, doubt)
    as_rivals = scores
    if (sides.weights != 1).any():
        as_rivals = g.Mul(scores, g.Gather(sides.weights, rows.roots))
    passes = g.GreaterOrEqual(scores, g.Gather("thresholds", labels))
    scores = g.Where(passes, scores, -1.0)
    if names is not None:
        leaf, probability, _ = names
        sureness = g.Pow(probability, constant(scoring.crop_power, scoring.thing_power))
        joint = g.Mul(rows.scores, sureness)
        named = g.And(
            g.And(
                g.Greater(probability, 0.0), g.GreaterOrEqual(joint, g.Gather("thresholds", leaf))
            ),
            g.GreaterOrEqual(probability, constant(scoring.leaf_floor, scoring.thing_floor)),
        )
        scores, labels = g.Where(named, joint, scores), g.Where(named, leaf, labels)
    if scoring.object_iou < 1:
        told = replace(rows, scores=scores, labels=labels)
        alone = stands_alone(g, told, as_rivals, sides.flat, scoring.object_iou)
        scores = g.Where(alone, scores, -1.0)
    _give(g, replace(rows, scores=scores, labels=labels))


def _give(g: GraphBuilder, rows: Rows) -> None:
    """Add the outputs: boxes of a score of at least 0, best first."""
    scores, order = g.many("TopK", 2, rows.scores, [rows.n], axis=1)
    boxes = g.GatherND(rows.boxes, g.Unsqueeze(order, [2]), batch_dims=1)
    labels = g.GatherElements(rows.labels, order, axis=1)
    real = g.GreaterOrEqual(scores, 0.0)
    outputs = {
        "boxes": g.Where(g.Unsqueeze(real, [2]), boxes, 0.0),
        "scores": g.Where(real, scores, 0.0),
        "labels": g.Where(real, labels, 0),
    }
    for name, value in outputs.items():
        missing = [0, 0, 0, N_ROWS - rows.n]
        pads = [0, 0, 0, 0, N_ROWS - rows.n, 0] if name == "boxes" else missing
        full = g.Pad(value, pads) if rows.n < N_ROWS else value
        g.nodes.append(helper.make_node("Identity", [full], [name], name))
    count = g.ReduceSum(g.cast(real, np.int64), [1], keepdims=0)
    g.nodes.append(helper.make_node("Identity", [count], ["count"], "count"))


def stands_alone(
    g: GraphBuilder, rows: Rows, as_rivals: str, flat: NDArray[np.bool_], iou_threshold: float
) -> str:
    """Add which boxes no better one of a rival super-class stands on, (N, n) bool.

    Args:
        g: Graph that is built.
        rows: Boxes with the scores and labels that they are reported with; -1 for not at all.
        as_rivals: (N, n) float32 scores as objects of their super-classes, whatever their names,
            times their weights.
        flat: (n_classes,) bool, see `core.one_object`.
        iou_threshold: Overlap above which two boxes are one object.
    """
    nameless = g.cast(g.Equal(rows.labels, rows.roots), np.float32)
    of_flat = g.Sub(2.0, g.Mul(nameless, 2.0))
    side = g.Where(g.Gather(flat, rows.roots), of_flat, 1.0)
    order = np.arange(rows.n)
    mine, others = g.Unsqueeze(as_rivals, [2]), g.Unsqueeze(as_rivals, [1])
    first = g.Less(order[:, None], order[None])  # folded when a session is made
    better = g.Or(g.Greater(mine, others), g.And(g.Equal(mine, others), first))
    rival = g.And(
        g.Equal(g.Unsqueeze(side, [2]), g.Unsqueeze(side, [1])),
        g.Greater(g.Unsqueeze(side, [2]), 0.0),
    )
    rival = g.And(rival, g.Not(same_root(g, rows)))
    iou, _ = iou_of(g, rows.boxes)
    one_object = g.And(rival, g.Greater(iou, float(iou_threshold)))
    told = g.Unsqueeze(g.GreaterOrEqual(rows.scores, 0.0), [1])
    return g.Squeeze(settled(g, told, g.And(one_object, better)), [1])
