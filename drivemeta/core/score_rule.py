"""The score rule in numpy, from raw network outputs to rows: what the graph is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import BankRows, ClassBank, Letterbox
from drivemeta.core.boxes import FloatArray, clip_boxes, nms, vote
from drivemeta.core.one_object import flat_by_label, rival_weights, stands_alone
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing

N_CANDIDATES = 600
N_ROWS = 300
N_CROPS = 32
N_THING_CROPS = 8
QUOTA_BONUS = 2.0  # above all scores: crops within the quota of a super-class come first
MIN_SIDE = 1.0


class Embed(Protocol):
    """Level 2, over boxes of one frame."""

    def __call__(self, boxes: FloatArray, *, things: bool) -> FloatArray:
        """Map (k, 4) boxes in frame pixels to (k, dim) embeddings of their crops.

        Args:
            boxes: Boxes of things, or of signs and lights.
            things: Which of the two they are.
        """


@dataclass(frozen=True, eq=False)
class DenseArrays:
    """Level 1's output for one frame.

    Attributes:
        boxes: (A, 4) float32, xyxy in pixels of the network's input.
        quality: (A,) float32 logits.
        embeddings: (A, dim) float32, L2-normalised.
    """

    boxes: FloatArray
    quality: FloatArray
    embeddings: FloatArray


@dataclass(frozen=True, eq=False)
class Located:
    """Boxes of level 1 after suppression, best first.

    Attributes:
        boxes: (n, 4) float32, xyxy in frame pixels, clipped to the frame.
        scores: (n,) float32.
        labels: (n,) int64, the class of the best dense row.
        roots: (n,) int64, its super-class.
        places: (n,) int64, the place among level 1's outputs that each is taken from.
    """

    boxes: FloatArray
    scores: FloatArray
    labels: NDArray[np.int64]
    roots: NDArray[np.int64]
    places: NDArray[np.int64]

    def __getitem__(self, chosen: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Located:
        """Return some of the boxes."""
        return Located(
            self.boxes[chosen],
            self.scores[chosen],
            self.labels[chosen],
            self.roots[chosen],
            self.places[chosen],
        )


def sigmoid(x: FloatArray) -> FloatArray:
    """Return the logistic function of any array.

    >>> sigmoid(np.zeros(1, np.float32)).tolist()
    [0.5]
    """
    y: FloatArray = (1 / (1 + np.exp(-x))).astype(np.float32)
    return y


def score_locations(
    dense: DenseArrays, rows: BankRows, scoring: Scoring
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the (A,) scores of all locations and the (A,) indices of their best dense rows."""
    logits = scoring.dense_scale * (dense.embeddings @ rows.weights.T - rows.biases)
    best = sigmoid(logits.max(1))
    power = scoring.quality_power
    return best ** (1 - power) * sigmoid(dense.quality) ** power, logits.argmax(1)


def candidates(
    dense: DenseArrays,
    bank: ClassBank,
    scoring: Scoring,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int],
) -> Located:
    """Return the best 600 boxes of level 1, before suppression."""
    scores, row = score_locations(dense, bank.dense, scoring)
    top = np.argsort(-scores, kind="stable")[:N_CANDIDATES]
    boxes = Letterbox.fit(frame_hw, input_hw).to_frame(dense.boxes[top])
    boxes = clip_boxes(boxes, *frame_hw)
    real = (boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE).all(1)
    top, row = top[real], row[top[real]]
    return Located(boxes[real], scores[top], bank.dense.owners[row], bank.dense.roots[row], top)


def locate(
    dense: DenseArrays,
    bank: ClassBank,
    scoring: Scoring,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int],
) -> Located:
    """Return at most 300 boxes of level 1: the best 600, suppression and voting within roots."""
    found = candidates(dense, bank, scoring, frame_hw, input_hw)
    kept = nms(found.boxes, found.scores, found.roots, scoring.nms_iou)[:N_ROWS]
    boxes = vote(found.boxes, found.scores, found.roots, kept, scoring.nms_iou)
    boxes = clip_boxes(boxes, *frame_hw)
    return replace(found[kept], boxes=boxes)


def choose_crops(
    located: Located, rows: BankRows, of: NDArray[np.bool_] | None = None, at_most: int = N_CROPS
) -> NDArray[np.int64]:
    """Return the indices of the boxes that level 2 runs on, by quota, most urgent first.

    Args:
        located: Boxes of level 1.
        rows: Level-2 rows; boxes of super-classes that own some are looked at.
        of: (n_classes,) which super-classes count; all by default.
        at_most: Greatest number of boxes.
    """
    owning = np.unique(rows.roots[rows.owners >= 0])
    if of is not None:
        owning = owning[of[owning]]
    if not len(owning):
        return np.zeros(0, np.int64)
    quota = at_most // len(owning)
    same = located.roots[:, None] == located.roots[None, :]
    rank = np.tril(same, -1).sum(1)
    eligible = np.isin(located.roots, owning)
    priority = eligible * (located.scores + QUOTA_BONUS * (rank < quota))
    order = np.argsort(-priority, kind="stable")[:at_most]
    chosen: NDArray[np.int64] = order[priority[order] > 0].astype(np.int64)
    return chosen


def name_leaves(
    embeddings: FloatArray, roots: NDArray[np.int64], bank: ClassBank, scoring: Scoring
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Return the best leaf of each crop, its probability, and that of being no background.

    Args:
        embeddings: (n, dim) float32, L2-normalised.
        roots: (n,) int64, the crops' super-classes.
        bank: Classes.
        scoring: Constants of the score rule.
    """
    by_class = class_probabilities(embeddings, roots, bank, scoring)
    p_any = by_class.sum(1)
    by_class[np.arange(len(roots)), roots] = 0  # the root is no leaf
    p_leaf = np.minimum(by_class.max(1), 1).astype(np.float32)
    return by_class.argmax(1), p_leaf, np.minimum(p_any, 1).astype(np.float32)


def class_probabilities(
    embeddings: FloatArray, roots: NDArray[np.int64], bank: ClassBank, scoring: Scoring
) -> FloatArray:
    """Return the (n, n_classes) probability of each class among the rows of a crop's root.

    What is missing from one is the background's; the root's own column is that of no known leaf.

    Args:
        embeddings: (n, dim) float32, L2-normalised.
        roots: (n,) int64, the crops' super-classes; each owns level-2 rows.
        bank: Classes.
        scoring: Constants of the score rule.
    """
    rows = bank.crop
    things = is_thing(bank.names, scoring)[roots]
    scale = np.where(things, scoring.thing_scale, scoring.crop_scale).astype(np.float32)[:, None]
    logits = scale * (embeddings @ rows.weights.T - rows.biases)
    logits = np.where(roots[:, None] == rows.roots[None, :], logits, -np.inf)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    votes = rows.owners[:, None] == np.arange(len(bank.classes))[None, :]
    return np.asarray(p @ votes.astype(np.float32), np.float32)


def decide(
    located: Located, embed: Embed, bank: ClassBank, scoring: Scoring, thresholds: FloatArray
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return the final boxes (n, 4), scores (n,) and labels (n,), best first.

    Args:
        located: Boxes of level 1.
        embed: Level 2.
        bank: Classes.
        scoring: Constants of the score rule.
        thresholds: (n_classes,) float32.
    """
    scores, labels = located.scores.copy(), located.labels.copy()
    leaf_scores = np.full(len(scores), -1, np.float32)
    leaves = np.zeros(len(scores), np.int64)
    things = is_thing(bank.names, scoring)
    for of, at_most in ((~things, N_CROPS), (things, N_THING_CROPS)):
        chosen = choose_crops(located, bank.crop, of, at_most)
        if not len(chosen):
            continue
        closer = bool(things[located.roots[chosen[0]]])
        embeddings = embed(located.boxes[chosen], things=closer)
        leaf, p, p_any = name_leaves(embeddings, located.roots[chosen], bank, scoring)
        power = scoring.thing_power if closer else scoring.crop_power
        floor = scoring.thing_floor if closer else scoring.leaf_floor
        joint = located.scores[chosen] * p**power
        named = (p > 0) & (p >= floor) & (joint >= thresholds[leaf])
        scores[chosen] *= p_any ** (scoring.thing_parent_power if closer else scoring.parent_power)
        leaf_scores[chosen[named]], leaves[chosen[named]] = joint[named], leaf[named]
    as_rivals = scores * rival_weights(bank.names, len(bank.names), scoring)[located.roots]
    scores[scores < thresholds[labels]] = -1
    is_leaf = leaf_scores >= 0
    scores[is_leaf], labels[is_leaf] = leaf_scores[is_leaf], leaves[is_leaf]
    told = np.flatnonzero(scores >= 0)
    flat = flat_by_label(bank.names, len(bank.names))
    seen = located.boxes[told], as_rivals[told], labels[told], located.roots[told]
    scores[told[~stands_alone(*seen, flat, scoring.object_iou)]] = -1
    order = np.argsort(-scores, kind="stable")[: int((scores >= 0).sum())]
    return located.boxes[order], scores[order].astype(np.float32), labels[order].astype(np.int64)
