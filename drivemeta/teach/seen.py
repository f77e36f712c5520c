"""What the base sees in a frame, whatever the classes: boxes, with embeddings to name them by."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from drivemeta.core import ClassBank, Letterbox
from drivemeta.core.boxes import clip_boxes, iou_matrix, nms
from drivemeta.core.score_rule import (
    MIN_SIDE,
    N_CANDIDATES,
    N_CROPS,
    N_THING_CROPS,
    DenseArrays,
    Located,
    locate,
    sigmoid,
)
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import NO_PLACE, to_input
from drivemeta.teach.state import LEAST_THRESHOLD

LEAST_SCORE = 0.03  # of a box that is proposed
ENOUGH_FOUND = 40  # boxes in a frame, beyond which those that no threshold reaches are left out
MOST_OTHERS = 8  # boxes of whatever else level 1 takes for an object
LEAST_QUALITY = 0.25

Rows = NDArray[np.void]
"""Boxes as a structured array, see `row_type`."""


def row_type(bank: ClassBank) -> np.dtype[np.void]:
    """Return the type of a row: one box of one frame.

    Fields: `frame`; `box`, xyxy in pixels; `root`, label of the super-class that finds it best;
    `quality`, a logit; `dense`, the embedding of level 1; `known`, whether the base locates it,
    else it is something else that looks like an object; `crop`, the embedding of level 2;
    `things`, whether that is the one of things; `looked`, whether there is one, else it is zero.
    """
    return np.dtype(
        [
            ("frame", np.int32),
            ("box", np.float32, 4),
            ("root", np.int16),
            ("quality", np.float32),
            ("dense", np.float32, bank.dense.weights.shape[1]),
            ("known", np.bool_),
            ("crop", np.float16, bank.crop.weights.shape[1]),
            ("things", np.bool_),
            ("looked", np.bool_),
        ]
    )


def see(
    detector: TwoLevelDetector, networks: FixedNetworks, image: NDArray[np.uint8], frame: int
) -> Rows:
    """Return the rows of one frame: what the base locates, best first, and what else there is.

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
    rows = _seen(dense, detector.bank, detector.scoring, size, detector.input_size)
    rows["frame"] = frame
    for things in (False, True):
        mine = np.flatnonzero(rows["looked"] & (rows["things"] == things))
        boxes = torch.from_numpy(np.ascontiguousarray(rows["box"][mine]))
        crops = detector.crops(pixels, boxes, things=things)
        rows["crop"][mine] = networks.embed(crops, things=things)
    return rows


def _seen(
    dense: DenseArrays,
    bank: ClassBank,
    scoring: Scoring,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int],
) -> Rows:
    """Return the rows of a frame without embeddings of level 2."""
    located = locate(dense, bank, scoring, frame_hw, input_hw)
    likely, some = ((located.scores >= least).sum() for least in (LEAST_THRESHOLD, LEAST_SCORE))
    located = located[: max(int(likely), min(int(some), ENOUGH_FOUND))]
    boxes = clip_boxes(Letterbox.fit(frame_hw, input_hw).to_frame(dense.boxes), *frame_hw)
    others = _others(boxes, dense, located.boxes)
    places, n = np.concatenate([located.places, others]), len(located.boxes)
    rows = np.zeros(len(places), row_type(bank))
    rows["box"] = np.concatenate([located.boxes, boxes[others]])
    rows["quality"], rows["dense"] = dense.quality[places], dense.embeddings[places]
    is_things, new = is_thing(bank.names, scoring), scoring.thing_scale > 0
    rows["known"][:n], rows["looked"][n:], rows["things"][n:] = True, True, new
    rows["root"][:n], rows["things"][:n] = located.roots, is_things[located.roots]
    rows["looked"][:n] = _within_quota(located, is_things)
    best = dense.embeddings[others] @ bank.dense.weights.T - bank.dense.biases
    rows["root"][n:] = bank.dense.roots[best.argmax(1)]
    return rows


def _within_quota(located: Located, is_things: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (n,) which boxes level 2 may look at, whichever super-classes own rows of it."""
    same = located.roots[:, None] == located.roots[None, :]
    most = np.where(is_things[located.roots], N_THING_CROPS, N_CROPS)
    within: NDArray[np.bool_] = np.tril(same, -1).sum(1) < most
    return within


def _others(
    boxes: NDArray[np.float32], dense: DenseArrays, known: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the places that look like an object, and lie on none that is found."""
    quality = sigmoid(dense.quality) * ((boxes[:, 2:] - boxes[:, :2]) >= MIN_SIDE).all(1)
    top = np.argsort(-quality, kind="stable")[: N_CANDIDATES // 2]
    top = top[quality[top] >= LEAST_QUALITY]
    free = iou_matrix(boxes[top], known).max(1, initial=0) < 0.5
    top = top[free]
    one = np.zeros(len(top), np.int64)
    kept: NDArray[np.int64] = top[nms(boxes[top], quality[top], one, 0.4)[:MOST_OTHERS]]
    return kept
