"""The second part of the graph: from level 1's dense output to at most 300 distinct boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drivemeta.core.boxes import LEAST_VOTE
from drivemeta.core.score_rule import MIN_SIDE, N_CANDIDATES, N_ROWS
from drivemeta.core.scoring import Scoring
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.preprocess import Prepared

N_ROUNDS = 8


@dataclass(frozen=True)
class Rows:
    """Names of the values of one array of boxes, best score first.

    Attributes:
        boxes: (N, n, 4) float32, xyxy in frame pixels.
        scores: (N, n) float32; -1 where there is no box.
        labels: (N, n) int64, level 1's class.
        roots: (N, n) int64, its super-class.
        n: Number of rows.
    """

    boxes: str
    scores: str
    labels: str
    roots: str
    n: int


@dataclass(frozen=True)
class BankValues:
    """Names of the rows in use of one level: see `core.BankRows`."""

    weights: str
    biases: str
    owners: str
    roots: str


def locate(
    g: GraphBuilder,
    dense: tuple[str, ...],
    n_locations: int,
    bank: BankValues,
    frame: Prepared,
    scoring: Scoring,
) -> Rows:
    """Add scoring, the choice of candidates and suppression within super-classes.

    Args:
        g: Graph that is built.
        dense: Boxes (N, A, 4), quality (N, A), embeddings (N, A, dim).
        n_locations: A.
        bank: Dense rows.
        frame: Scale and limits of the frames.
        scoring: Constants of the score rule.
    """
    found, _ = candidates(g, dense, n_locations, bank, frame, scoring)
    return distinct(g, found, frame, scoring)[0]


def candidates(
    g: GraphBuilder,
    dense: tuple[str, ...],
    n_locations: int,
    bank: BankValues,
    frame: Prepared,
    scoring: Scoring,
) -> tuple[Rows, str]:
    """Add the choice of the best places; return them and their (N, n) int64 numbers among all."""
    boxes, quality, embeddings = dense
    logits, scores = score_locations(g, quality, embeddings, bank, scoring)
    n = min(N_CANDIDATES, n_locations)
    scores, chosen = g.many("TopK", 2, scores, [n], axis=1)
    at = g.Unsqueeze(chosen, [2])
    row = g.ArgMax(g.GatherND(logits, at, batch_dims=1), axis=2, keepdims=0)
    boxes = g.Div(g.GatherND(boxes, at, batch_dims=1), frame.scale)
    boxes = g.Min(g.Max(boxes, 0.0), frame.limits)
    return Rows(boxes, scores, g.Gather(bank.owners, row), g.Gather(bank.roots, row), n), chosen


def distinct(g: GraphBuilder, rows: Rows, frame: Prepared, scoring: Scoring) -> tuple[Rows, str]:
    """Add suppression and voting; return the rows that stay and their numbers among those given."""
    overlaps = overlaps_of(g, rows)
    kept = suppress(g, overlaps, rows.n, scoring.nms_iou)
    places = g.Min(vote(g, rows, overlaps, scoring.nms_iou), frame.limits)
    scores = g.Where(kept, rows.scores, -1.0)
    return take_best(g, replace(rows, boxes=places), scores, min(N_ROWS, rows.n))


def score_locations(
    g: GraphBuilder, quality: str, embeddings: str, bank: BankValues, scoring: Scoring
) -> tuple[str, str]:
    """Add `p ** (1 - a) * sigmoid(quality) ** a`; return row logits (N, A, rows), scores (N, A)."""
    cosines = g.MatMul(embeddings, g.Transpose(bank.weights, perm=[1, 0]))
    logits = g.Mul(g.Sub(cosines, bank.biases), float(scoring.dense_scale))
    best = g.Sigmoid(g.ReduceMax(logits, [2], keepdims=0))
    power = float(scoring.quality_power)
    return logits, g.Mul(g.Pow(best, 1 - power), g.Pow(g.Sigmoid(quality), power))


@dataclass(frozen=True)
class Overlaps:
    """Names of what suppression and voting ask of the boxes.

    Attributes:
        iou: (N, n, n) float32; 0 between boxes of different roots.
        real: (N, 1, n) bool, whether a box is at least a frame pixel wide and high.
    """

    iou: str
    real: str


def overlaps_of(g: GraphBuilder, rows: Rows) -> Overlaps:
    """Add the overlap of each box with each."""
    iou, least_side = iou_of(g, rows.boxes)
    same = same_root(g, rows)
    real = g.GreaterOrEqual(g.Transpose(least_side, perm=[0, 2, 1]), MIN_SIDE)
    return Overlaps(g.Where(g.And(same, real), iou, 0.0), real)


def iou_of(g: GraphBuilder, boxes: str) -> tuple[str, str]:
    """Add the (N, n, n) overlaps of (N, n, 4) boxes, and the lesser of their sides, (N, n, 1)."""
    corners = g.many("Split", 4, boxes, axis=2, num_outputs=4)  # each (N, n, 1)
    x1, y1, x2, y2 = corners
    tx1, ty1, tx2, ty2 = (g.Transpose(corner, perm=[0, 2, 1]) for corner in corners)
    overlap = g.Mul(
        g.Relu(g.Sub(g.Min(x2, tx2), g.Max(x1, tx1))),
        g.Relu(g.Sub(g.Min(y2, ty2), g.Max(y1, ty1))),
    )  # (N, n, n)
    width, height = g.Sub(x2, x1), g.Sub(y2, y1)
    area = g.Mul(width, height)
    iou = g.Div(overlap, g.Sub(g.Add(area, g.Transpose(area, perm=[0, 2, 1])), overlap))
    return iou, g.Min(width, height)


def same_root(g: GraphBuilder, rows: Rows) -> str:
    """Add which boxes are of one super-class, (N, n, n) bool."""
    roots = g.cast(rows.roots, np.float32)
    return g.Equal(g.Unsqueeze(roots, [2]), g.Unsqueeze(roots, [1]))


def suppress(g: GraphBuilder, overlaps: Overlaps, n: int, iou_threshold: float) -> str:
    """Add greedy non-maximum suppression of static shape; return (N, n) bool, what is kept.

    A row stays if no row that stays, is better and of the same root overlaps it: starting from all,
    this is applied eight times, which settles chains of up to eight boxes and leaves longer ones
    with a box too many. Boxes narrower or lower than one frame pixel go.
    """
    order = np.arange(n)
    better = g.Less(order[:, None], order[None])  # folded when a session is made; small in the file
    above = g.Greater(overlaps.iou, float(iou_threshold))
    return g.Squeeze(settled(g, overlaps.real, g.And(above, better)), [1])


def settled(g: GraphBuilder, real: str, beats: str) -> str:
    """Add eight rounds of: whoever is beaten by one that stays goes; return (N, 1, n) bool.

    Args:
        g: Graph that is built.
        real: (N, 1, n) bool, which boxes there are.
        beats: (N, n, n) bool, whether the first is better than the second and stands on it.
    """
    beats, keep = g.cast(beats, np.float32), real
    for _ in range(N_ROUNDS):
        lost = g.MatMul(g.cast(keep, np.float32), beats)
        keep = g.And(real, g.Equal(lost, 0.0))
    return keep


def vote(g: GraphBuilder, rows: Rows, overlaps: Overlaps, iou_threshold: float) -> str:
    """Add the vote of `core.boxes.vote`; return (N, n, 4), the places of all boxes.

    Those of boxes that are not real mean nothing.
    """
    excess = g.Relu(g.Sub(overlaps.iou, float(iou_threshold)))
    weights = g.Mul(excess, g.Add(g.Unsqueeze(rows.scores, [1]), LEAST_VOTE))
    total = g.MatMul(weights, np.ones((rows.n, 1), np.float32))
    return g.Div(g.MatMul(weights, rows.boxes), g.Max(total, 1e-12))


def take_best(g: GraphBuilder, rows: Rows, scores: str, n: int) -> tuple[Rows, str]:
    """Add the choice of the n best rows by other scores, best first; return their numbers, too."""
    best, chosen = g.many("TopK", 2, scores, [n], axis=1)
    boxes = g.GatherND(rows.boxes, g.Unsqueeze(chosen, [2]), batch_dims=1)
    labels = g.GatherElements(rows.labels, chosen, axis=1)
    roots = g.GatherElements(rows.roots, chosen, axis=1)
    return Rows(boxes, best, labels, roots, n), chosen
