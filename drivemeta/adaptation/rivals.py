"""What a new kind of thing competes with: ordinary things that ship, and those around it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from drivemeta.banks.replay import Replay
from drivemeta.core import DISTRACTOR, BankRows, ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.plugins.learner.means import spherical_means

ROWS_PER_KIND = 8
ROWS_AROUND = 8
# Cosine from which the means of two kinds may well be of the same, and two things of one kind.
SAME_KIND, SAME_THING = 0.9, 0.8


def rival_rows(
    bank: ClassBank, novel: BankRows, root: int, replay: Replay, around: FloatArray
) -> BankRows:
    """Return rows that stand below a super-class for what is none of its new classes.

    They vote for the super-class, so that a box which resembles them keeps it; below a new kind of
    object, which is nothing where it is not itself, they vote for nothing.

    Args:
        bank: Class bank that holds the new classes.
        novel: Rows of the new classes of that super-class.
        root: Super-class, or the new kind itself.
        replay: Things that ship.
        around: (n, dim) embeddings of other things that were proposed as that super-class beside
            the support boxes.
    """
    itself = bool((novel.owners == root).any())
    dim, width = replay.embeddings.shape[1], novel.weights.shape[1]
    mine, around = novel.weights[novel.owners != DISTRACTOR, :dim], around[:, :dim]
    mine = mine[novel.owners[novel.owners != DISTRACTOR] != root] if not itself else mine
    weights = [
        _means(replay.of(int(kind)), ROWS_PER_KIND)
        for kind in np.flatnonzero(~same_kinds(mine, replay))
        if itself or replay.parents[kind] == bank.names[root]
    ]
    far = around[(around @ mine.T).max(1, initial=-1) < SAME_THING]
    if len(far):
        weights.append(_means(far, ROWS_AROUND))
    if not weights:
        return BankRows.empty(width)
    rows = np.pad(np.concatenate(weights), ((0, 0), (0, width - dim)))
    owners = np.full(len(rows), DISTRACTOR if itself else root, np.int64)
    biases = np.zeros(len(rows), np.float32)
    return BankRows(rows, biases, owners, np.full(len(rows), root, np.int64))


def same_kinds(novel: FloatArray, replay: Replay) -> NDArray[np.bool_]:
    """Return (n_kinds,) which kinds that ship may well be one of the (n, dim) new rows."""
    likeness = [
        (novel @ _mean(replay.of(kind))).max(initial=-1) for kind in range(len(replay.kinds))
    ]
    return np.array(likeness, np.float32) >= SAME_KIND


def _mean(vectors: FloatArray) -> FloatArray:
    mean: FloatArray = vectors.mean(0)
    return mean / np.linalg.norm(mean)


def _means(vectors: FloatArray, most: int) -> FloatArray:
    found = spherical_means(torch.from_numpy(vectors), most)
    return np.asarray(found.numpy(), np.float32)
