"""What level 1 of a class bank locates among rows: it stays while level 2 learns names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray, nms
from drivemeta.core.many_frames import crowded_pairs
from drivemeta.core.score_rule import DenseArrays, score_locations
from drivemeta.core.scoring import Scoring
from drivemeta.teach.seen import Rows


@dataclass(frozen=True, eq=False)
class LocatedRows:
    """What level 1 of a bank locates.

    Attributes:
        rows: Rows of whole frames that it is among.
        order: (n,) int64, indices of what is located: frame by frame, and of a frame best first.
        frames: (n,) int64, in order.
        boxes: (n, 4) float32 xyxy in pixels.
        scores: (n,) float32 of level 1.
        roots: (n,) int64, super-class of each.
        kinds: (n,) int64, class that level 1 gives it.
        crowded: (n_pairs, 2) int64, which of them may be one object, see `crowded_pairs`.
    """

    rows: Rows
    order: NDArray[np.int64]
    frames: NDArray[np.int64]
    boxes: FloatArray
    scores: FloatArray
    roots: NDArray[np.int64]
    kinds: NDArray[np.int64]
    crowded: NDArray[np.int64]


def level1_scores(
    rows: Rows, bank: ClassBank, scoring: Scoring
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the (n,) scores of level 1, and the (n,) numbers of the dense rows that give them."""
    return score_locations(
        DenseArrays(rows["box"], rows["quality"], rows["dense"]), bank.dense, scoring
    )


def locate_rows(rows: Rows, base: ClassBank, bank: ClassBank, scoring: Scoring) -> LocatedRows:
    """Return what level 1 of a bank locates.

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
    roots, frames = bank.dense.roots[winners[order]], rows["frame"][order].astype(np.int64)
    boxes, kinds = rows["box"][order], bank.dense.owners[winners[order]]
    crowded = crowded_pairs(frames, boxes, roots, scoring.object_iou)
    return LocatedRows(rows, order, frames, boxes, scores[order], roots, kinds, crowded)


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
