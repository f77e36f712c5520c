"""What rows show by a class bank: what the exported model finds, and what it nearly does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.many_frames import alone_of_pairs, crops_by_frame
from drivemeta.core.one_object import flat_by_label, rival_weights
from drivemeta.core.score_rule import N_CROPS, N_THING_CROPS, name_leaves
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.teach.located import LocatedRows
from drivemeta.teach.state import LEAST_THRESHOLD


@dataclass(frozen=True, eq=False)
class NamedRows:
    """What a bank says of rows, whatever its thresholds.

    Attributes:
        located: Those that level 1 locates, n of them.
        as_kind: (n,) float32, score as what level 1 takes it for.
        as_rivals: (n,) float32, the same as it counts against a box of another super-class.
        leaves: (n,) int64, the class below its super-class that it looks most like.
        as_leaf: (n,) float32, score as that; -1 where it is too unlike all of them.
    """

    located: LocatedRows
    as_kind: FloatArray
    as_rivals: FloatArray
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


def name_rows(located: LocatedRows, bank: ClassBank, scoring: Scoring) -> NamedRows:
    """Return what level 2 makes of rows, by the rule of `score_rule.decide` but for thresholds.

    Args:
        located: What level 1 of the bank says of rows.
        bank: Classes.
        scoring: Constants of the score rule.
    """
    rows, order, scores, roots = located.rows, located.order, located.scores, located.roots
    as_kind = scores.copy()
    leaves, as_leaf = np.zeros(len(order), np.int64), np.full(len(order), -1, np.float32)
    things = is_thing(bank.names, scoring)
    owning = np.isin(np.arange(len(bank.classes)), bank.crop.roots[bank.crop.owners >= 0])
    looked, embedded_as = rows["looked"][order], rows["things"][order]
    worth = scores >= min(LEAST_THRESHOLD, bank.thresholds.min())  # no name makes a score higher
    for of_things, at_most in ((False, N_CROPS), (True, N_THING_CROPS)):
        own = owning & (things == of_things)
        chosen = crops_by_frame(located.frames, scores, roots, own, at_most)
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
    weights = rival_weights(bank.names, len(bank.names), scoring)
    return NamedRows(located, as_kind, as_kind * weights[roots], leaves, as_leaf)


def find(seen: NamedRows, bank: ClassBank) -> FoundRows:
    """Return what there is of the classes of a bank, one object once.

    Of what lies below a threshold it is told what would be found if that were lower.

    Args:
        seen: What the bank says of rows.
        bank: The same bank with thresholds.
    """
    at, least = seen.located, bank.thresholds
    leaf_told = (seen.as_leaf >= 0) & (seen.as_leaf >= least[seen.leaves])
    told = leaf_told | (seen.as_kind >= least[at.kinds])
    near_leaf, near_kind = seen.as_leaf >= LEAST_THRESHOLD, seen.as_kind >= LEAST_THRESHOLD
    labels = np.where(leaf_told | (near_leaf & ~told), seen.leaves, at.kinds)
    flat = flat_by_label(bank.names, len(bank.names))
    # What is neither told nor near takes nobody's place.
    stands = alone_of_pairs(at.crowded, seen.as_rivals, labels, at.roots, flat, told)
    leaf = np.flatnonzero(stands & (leaf_told | near_leaf))
    kind = np.flatnonzero(stands & ~leaf_told & (told | near_kind))
    both = np.concatenate([leaf, kind])
    return FoundRows(
        at.frames[both],
        at.boxes[both],
        np.concatenate([seen.leaves[leaf], at.kinds[kind]]),
        np.concatenate([seen.as_leaf[leaf], seen.as_kind[kind]]),
        np.concatenate([leaf_told[leaf], told[kind]]),
    )
