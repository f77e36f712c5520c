"""What rows show by a class bank: what the exported model finds, and what it nearly does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray, nms
from drivemeta.core.many_frames import alone_by_frame, crops_by_frame
from drivemeta.core.one_object import flat_by_label
from drivemeta.core.score_rule import (
    N_CROPS,
    N_THING_CROPS,
    DenseArrays,
    name_leaves,
    score_locations,
)
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.teach.seen import Rows
from drivemeta.teach.state import LEAST_THRESHOLD


@dataclass(frozen=True, eq=False)
class NamedRows:
    """What a bank says of the rows that it locates, whatever its thresholds.

    Attributes:
        frames: (n,) int64, in order; those of a frame stand best first.
        boxes: (n, 4) float32 xyxy in pixels.
        roots: (n,) int64, super-class of each.
        kinds: (n,) int64, class that level 1 gives it.
        as_kind: (n,) float32, score as that.
        leaves: (n,) int64, the class below its super-class that it looks most like.
        as_leaf: (n,) float32, score as that; -1 where it is too unlike all of them.
    """

    frames: NDArray[np.int64]
    boxes: FloatArray
    roots: NDArray[np.int64]
    kinds: NDArray[np.int64]
    as_kind: FloatArray
    leaves: NDArray[np.int64]
    as_leaf: FloatArray


@dataclass(frozen=True, eq=False)
class FoundRows:
    """What there is of the classes of a bank; a box may stand for two of them.

    Attributes:
        frames: (n,) int64.
        boxes: (n, 4) float32 xyxy in pixels.
        labels: (n,) int64 classes.
        scores: (n,) float32, `LEAST_THRESHOLD` or more, or else reported.
        told: (n,) bool, whether a model of the bank reports it.
    """

    frames: NDArray[np.int64]
    boxes: FloatArray
    labels: NDArray[np.int64]
    scores: FloatArray
    told: NDArray[np.bool_]


def level1_scores(
    rows: Rows, bank: ClassBank, scoring: Scoring
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the (n,) scores of level 1, and the (n,) numbers of the dense rows that give them."""
    return score_locations(
        DenseArrays(rows["box"], rows["quality"], rows["dense"]), bank.dense, scoring
    )


def name_rows(rows: Rows, base: ClassBank, bank: ClassBank, scoring: Scoring) -> NamedRows:
    """Return what a bank says of rows, by the rule of `score_rule.decide` but for thresholds.

    Args:
        rows: Rows of whole frames, in order.
        base: Bank that they were seen by.
        bank: The same with rows beside it.
        scoring: Constants of the score rule.
    """
    scores, winners = level1_scores(rows, bank, scoring)
    is_new = winners >= len(base.dense)  # found by what was learnt since
    order = np.lexsort((-scores, rows["frame"]))
    order = order[(rows["known"] | is_new)[order]]
    roots, frames = bank.dense.roots[winners[order]], rows["frame"][order]
    order = order[_apart(rows["box"][order], frames, roots, is_new[order], scoring.nms_iou)]
    return _named(rows, order, bank, scoring, scores[order], winners[order])


def _apart(
    boxes: FloatArray,
    frames: NDArray[np.int64],
    roots: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    iou_threshold: float,
) -> NDArray[np.bool_]:
    """Return (n,) which boxes stay where what was learnt since finds some, of a frame best first.

    The base has suppressed its own already.
    """
    keep = np.ones(len(boxes), np.bool_)
    for frame in np.unique(frames[is_new]):
        begin, end = np.searchsorted(frames, [frame, frame + 1])
        here, new = roots[begin:end], is_new[begin:end]
        mine = begin + np.flatnonzero(np.isin(here, here[new]))
        kept = nms(boxes[mine], -np.arange(len(mine), dtype=np.float32), roots[mine], iou_threshold)
        keep[np.delete(mine, kept)] = False
    return keep


def _named(
    rows: Rows,
    order: NDArray[np.int64],
    bank: ClassBank,
    scoring: Scoring,
    scores: FloatArray,
    winners: NDArray[np.int64],
) -> NamedRows:
    """Return what level 2 makes of boxes, which stand frame by frame and best first."""
    roots, as_kind = bank.dense.roots[winners], scores.copy()
    leaves, as_leaf = np.zeros(len(order), np.int64), np.full(len(order), -1, np.float32)
    frames, things = rows["frame"][order].astype(np.int64), is_thing(bank.names, scoring)
    owning = np.isin(np.arange(len(bank.classes)), bank.crop.roots[bank.crop.owners >= 0])
    looked, embedded_as = rows["looked"][order], rows["things"][order]
    worth = scores >= min(LEAST_THRESHOLD, bank.thresholds.min())  # no name makes a score higher
    for of_things, at_most in ((False, N_CROPS), (True, N_THING_CROPS)):
        chosen = crops_by_frame(frames, scores, roots, owning & (things == of_things), at_most)
        # A box that another super-class claims than it was embedded for has no embedding to name.
        mine = np.flatnonzero(chosen & worth & looked & (embedded_as == of_things))
        if not len(mine):
            continue
        embeddings = rows["crop"][order[mine]].astype(np.float32)
        leaf, p, p_any = name_leaves(embeddings, roots[mine], bank, scoring)
        power = scoring.thing_power if of_things else scoring.crop_power
        floor = scoring.thing_floor if of_things else scoring.leaf_floor
        parent = scoring.thing_parent_power if of_things else scoring.parent_power
        as_kind[mine] *= p_any**parent
        as_leaf[mine] = np.where((p > 0) & (p >= floor), scores[mine] * p**power, -1)
        leaves[mine] = leaf
    kinds = bank.dense.owners[winners]
    return NamedRows(frames, rows["box"][order], roots, kinds, as_kind, leaves, as_leaf)


def find(seen: NamedRows, bank: ClassBank, scoring: Scoring) -> FoundRows:
    """Return what there is of the classes of a bank, one object once.

    Of what lies below a threshold it is told what would be found if that were lower.

    Args:
        seen: What the bank says of rows.
        bank: The same bank with thresholds.
        scoring: Constants of the score rule.
    """
    least = bank.thresholds
    leaf_told = (seen.as_leaf >= 0) & (seen.as_leaf >= least[seen.leaves])
    told = leaf_told | (seen.as_kind >= least[seen.kinds])
    near_leaf, near_kind = seen.as_leaf >= LEAST_THRESHOLD, seen.as_kind >= LEAST_THRESHOLD
    labels = np.where(leaf_told | (near_leaf & ~told), seen.leaves, seen.kinds)
    some = np.flatnonzero(told | near_leaf | near_kind)
    flat = flat_by_label(bank.names, len(bank.names))
    where, what = (seen.frames[some], seen.boxes[some]), (labels[some], seen.roots[some])
    indeed, iou = told[some], scoring.object_iou
    alone = alone_by_frame(*where, seen.as_kind[some], *what, flat, iou, indeed)
    stands = np.zeros(len(told), np.bool_)
    stands[some[alone]] = True
    leaf = np.flatnonzero(stands & (leaf_told | near_leaf))
    kind = np.flatnonzero(stands & ~leaf_told & (told | near_kind))
    both = np.concatenate([leaf, kind])
    return FoundRows(
        seen.frames[both],
        seen.boxes[both],
        np.concatenate([seen.leaves[leaf], seen.kinds[kind]]),
        np.concatenate([seen.as_leaf[leaf], seen.as_kind[kind]]),
        np.concatenate([leaf_told[leaf], told[kind]]),
    )
