"""What the base sees in a frame, whatever the classes: boxes, with embeddings to name them by."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from drivemeta.core import ClassBank, Letterbox
from drivemeta.core.boxes import clip_boxes, iou_matrix, nms, vote
from drivemeta.core.score_rule import (
    MIN_SIDE,
    N_CANDIDATES,
    DenseArrays,
    name_leaves,
    score_locations,
    sigmoid,
)
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import NO_PLACE, to_input

LEAST_SCORE = 0.03  # of a box that is kept for its super-class
MOST_FOUND = 40  # boxes of super-classes in a frame
MOST_OTHERS = 8  # boxes of whatever else level 1 takes for an object
LEAST_QUALITY = 0.25

Rows = NDArray[np.void]
"""Boxes as a structured array, see `row_type`."""


def row_type(bank: ClassBank) -> np.dtype[np.void]:
    """Return the type of a row: one box of one frame.

    Fields: `frame`; `box`, xyxy in pixels; `root`, label of the super-class that finds it best;
    `quality`, a logit; `dense`, the embedding of level 1; `crop`, that of level 2; `things`,
    whether that is the one of things.
    """
    return np.dtype(
        [
            ("frame", np.int32),
            ("box", np.float32, 4),
            ("root", np.int16),
            ("quality", np.float32),
            ("dense", np.float32, bank.dense.weights.shape[1]),
            ("crop", np.float16, bank.crop.weights.shape[1]),
            ("things", np.bool_),
        ]
    )


def see(
    detector: TwoLevelDetector, networks: FixedNetworks, image: NDArray[np.uint8], frame: int
) -> Rows:
    """Return the rows of one frame.

    Args:
        detector: Detector of the base's classes.
        networks: Its networks.
        image: (height, width, 3) uint8 BGR.
        frame: Number of the frame.
    """
    pixels, size = to_tensor(image), (image.shape[0], image.shape[1])
    inputs, fit = to_input(pixels, detector.input_size)
    dense = networks.dense(inputs) if detector.has_dense else NO_PLACE
    if detector.own is not None:
        dense = detector.own.joined(dense, image, fit.scale)
    rows = _located(dense, detector.bank, detector.scoring, size, detector.input_size)
    rows["frame"] = frame
    for things in (False, True):
        mine = np.flatnonzero(rows["things"] == things)
        boxes = torch.from_numpy(np.ascontiguousarray(rows["box"][mine]))
        crops = detector.crops(pixels, boxes, things=things)
        rows["crop"][mine] = networks.embed(crops, things=things)
    return rows


def _located(
    dense: DenseArrays,
    bank: ClassBank,
    scoring: Scoring,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int],
) -> Rows:
    """Return boxes of super-classes as `score_rule.locate` does, and what else is an object."""
    scores, row = score_locations(dense, bank.dense, scoring)
    top = np.argsort(-scores, kind="stable")[:N_CANDIDATES]
    boxes = clip_boxes(Letterbox.fit(frame_hw, input_hw).to_frame(dense.boxes), *frame_hw)
    real = (boxes[:, 2:] - boxes[:, :2]).min(1) >= MIN_SIDE
    top = top[real[top] & (scores[top] >= LEAST_SCORE)]
    roots = bank.dense.roots[row]
    kept = nms(boxes[top], scores[top], roots[top], scoring.nms_iou)[:MOST_FOUND]
    places = vote(boxes[top], scores[top], roots[top], kept, scoring.nms_iou)
    chosen = top[kept]
    others = _others(boxes, sigmoid(dense.quality) * real, places)
    both = np.concatenate([chosen, others])
    rows = np.zeros(len(both), row_type(bank))
    rows["box"] = clip_boxes(np.concatenate([places, boxes[others]]), *frame_hw)
    rows["root"], rows["quality"] = roots[both], dense.quality[both]
    rows["dense"] = dense.embeddings[both]
    rows["things"] = is_thing(bank.names, scoring)[rows["root"]]
    rows["things"][len(chosen) :] = scoring.thing_scale > 0  # new kinds are confirmed as things
    return rows


def _others(
    boxes: NDArray[np.float32], quality: NDArray[np.float32], known: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the places that look like an object, and lie on none that is found."""
    top = np.argsort(-quality, kind="stable")[: N_CANDIDATES // 2]
    top = top[quality[top] >= LEAST_QUALITY]
    free = iou_matrix(boxes[top], known).max(1, initial=0) < 0.5
    top = top[free]
    one = np.zeros(len(top), np.int64)
    kept: NDArray[np.int64] = top[nms(boxes[top], quality[top], one, 0.4)[:MOST_OTHERS]]
    return kept


def level1_scores(
    rows: Rows, bank: ClassBank, scoring: Scoring
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the (n,) scores of level 1 and the (n,) labels that it gives."""
    dense = DenseArrays(rows["box"], rows["quality"], rows["dense"])
    scores, row = score_locations(dense, bank.dense, scoring)
    return scores, bank.dense.owners[row]


def score(
    rows: Rows, bank: ClassBank, scoring: Scoring
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the (n,) scores and labels of rows under a bank, by the rule of `score_rule.decide`.

    Thresholds are left out: each box has the best leaf below its super-class, where that is likely
    enough, or else the super-class.
    """
    if not len(rows):
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    scores, labels = level1_scores(rows, bank, scoring)
    roots, things = bank.roots[labels], is_thing(bank.names, scoring)
    owning = np.isin(roots, np.unique(bank.crop.roots[bank.crop.owners >= 0]))
    scores = scores.copy()
    for of_things in (False, True):
        # A box that another super-class claims than it was embedded for has no embedding to name.
        mine = np.flatnonzero(owning & (things[roots] == of_things) & (rows["things"] == of_things))
        if len(mine):
            leaf, named, unnamed, is_named = _named(rows[mine], roots[mine], bank, scoring)
            joint = scores[mine] * named
            scores[mine] = np.where(is_named, joint, scores[mine] * unnamed)
            labels[mine] = np.where(is_named, leaf, labels[mine])
    return scores, labels


def _named(
    rows: Rows, roots: NDArray[np.int64], bank: ClassBank, scoring: Scoring
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return leaves, factors of the score where they are named and where not, and which are."""
    things = bool(rows["things"][0])
    embeddings = rows["crop"].astype(np.float32)
    leaf, p, p_any = name_leaves(embeddings, roots, bank, scoring)
    power = scoring.thing_power if things else scoring.crop_power
    parent = scoring.thing_parent_power if things else scoring.parent_power
    floor = scoring.thing_floor if things else scoring.leaf_floor
    return leaf, p**power, p_any**parent, (p > 0) & (p >= floor)
