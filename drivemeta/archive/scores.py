"""From rows and a class bank to what the adapted model finds: `core.score_rule` over many frames.

The rows of all frames are scored at once; what a frame's boxes have to do with one another, the
quota of level 2, is asked of the numbers that they have in their frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.rows import BoxRows
from drivemeta.core import ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.many_frames import alone_by_frame, crops_by_frame
from drivemeta.core.one_object import flat_by_label, rival_weights
from drivemeta.core.score_rule import N_CROPS, N_THING_CROPS
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.errors import InputError
from drivemeta.runtime.model_file import ModelFile, bank_of

UNREPORTED = -1.0
_CHUNK = 4096  # rows in one product, whose result stays in the cache


@dataclass(frozen=True, eq=False)
class Scored:
    """What a class bank says of rows.

    Attributes:
        scores: (n,) float32; -1 where a row is not reported.
        labels: (n,) int64, indices into the bank's classes; 0 where it is not reported.
    """

    scores: FloatArray
    labels: NDArray[np.int64]


class Scorer:
    """The score rule of one model, applied to rows of its base.

    Args:
        bank: Classes and rows of the model.
        scoring: Constants of the model.
        thresholds: (n_classes,) float32; None for the bank's own.
        wanted: (n_classes,) bool, the classes that are asked for; all if None. Rows that none of
            them can be reported of are left out early, others may or may not be given.
    """

    def __init__(
        self,
        bank: ClassBank,
        scoring: Scoring,
        thresholds: FloatArray | None = None,
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        self.bank, self.scoring = bank, scoring
        self.thresholds = bank.thresholds if thresholds is None else thresholds
        asked = np.ones(len(bank.classes), np.bool_) if wanted is None else wanted
        self._roots, self._owners, self._of = bank.dense.roots, bank.dense.owners, bank.roots
        self._least = np.full(len(bank.classes), np.inf, np.float32)
        self._flat = flat_by_label(bank.names, len(bank.names))
        self._weights = rival_weights(bank.names, len(bank.names), scoring)
        if scoring.object_iou < 1:  # a better box of a rival takes the place of one asked for
            asked = np.isin(self._flat[self._of], self._flat[self._of[asked]])
        np.minimum.at(self._least, self._of[asked], self.thresholds[asked])
        self._is_thing = is_thing(bank.names, scoring)
        rows = bank.crop
        named = np.unique(rows.roots[rows.owners >= 0])
        self._named = np.isin(np.arange(len(bank.classes)), named)
        self._below = {int(root): _Below(bank, scoring, int(root)) for root in named}

    @classmethod
    def of(
        cls,
        file: ModelFile,
        min_score: float | None = None,
        wanted: NDArray[np.bool_] | None = None,
    ) -> Scorer:
        """Return the scorer of an adapted model; `BaseFacts.check` says whether it fits rows.

        Args:
            file: Adapted model.
            min_score: Threshold in place of every class's own.
            wanted: As of the class.
        """
        bank = bank_of(file)
        thresholds = None
        if min_score is not None:
            thresholds = np.full(len(bank.classes), min_score, np.float32)
        return cls(bank, file.manifest.constants, thresholds, wanted)

    def __call__(self, rows: BoxRows, asked: NDArray[np.bool_] | None = None) -> Scored:
        """Score rows; those of a frame must be there all, and best first.

        Args:
            rows: Rows of whole frames.
            asked: (n,) bool, the rows that are asked for; others are not reported. All if None.
        """
        roots, labels = self._roots[rows.finders], self._owners[rows.finders].copy()
        scores = rows.scores.copy()
        worth = rows.scores >= self._least[roots]
        worth = worth if asked is None else worth & asked
        leaf_scores = np.full(len(rows), UNREPORTED, np.float32)
        leaves = np.zeros(len(rows), np.int64)
        for thing, at_most in ((False, N_CROPS), (True, N_THING_CROPS)):
            owning = self._named & (self._is_thing == thing)
            chosen = crops_by_frame(rows.frames, rows.scores, roots, owning, at_most) & worth
            if not rows.embedded[chosen].all():
                raise InputError(
                    "a row that the class bank would name has no embedding: the rows were made "
                    "by another base than the model's; see `BaseFacts.check`"
                )
            for root in np.flatnonzero(owning):
                ours = np.flatnonzero(chosen & (roots == root))
                for begin in range(0, len(ours), _CHUNK):
                    mine = ours[begin : begin + _CHUNK]
                    leaf, p, p_any = self._below[int(root)](rows.embeddings[mine])
                    self._join(mine, (leaf, p, p_any), scores, leaf_scores, leaves, thing=thing)
        as_rivals = scores * self._weights[roots]
        scores[(scores < self.thresholds[labels]) | ~worth] = UNREPORTED
        is_leaf = leaf_scores >= 0
        scores[is_leaf], labels[is_leaf] = leaf_scores[is_leaf], leaves[is_leaf]
        told = np.flatnonzero(scores >= 0)
        seen = rows.frames[told], rows.boxes[told], as_rivals[told], labels[told], roots[told]
        alone = alone_by_frame(*seen, self._flat, self.scoring.object_iou)
        scores[told[~alone]] = UNREPORTED
        labels[scores < 0] = 0
        return Scored(scores, labels)

    def _join(
        self,
        mine: NDArray[np.int64],
        names: tuple[NDArray[np.int64], FloatArray, FloatArray],
        scores: FloatArray,
        leaf_scores: FloatArray,
        leaves: NDArray[np.int64],
        *,
        thing: bool,
    ) -> None:
        """Join both levels for the rows that level 2 named, in place."""
        s, (leaf, p, p_any) = self.scoring, names
        power, floor = (s.thing_power, s.thing_floor) if thing else (s.crop_power, s.leaf_floor)
        joint = scores[mine] * p**power
        named = (p > 0) & (p >= floor) & (joint >= self.thresholds[leaf])
        scores[mine] *= p_any ** (s.thing_parent_power if thing else s.parent_power)
        leaf_scores[mine[named]], leaves[mine[named]] = joint[named], leaf[named]


class _Below:
    """Rows that compete below one super-class, laid out for one product."""

    def __init__(self, bank: ClassBank, scoring: Scoring, root: int) -> None:
        rows = bank.crop
        mine = rows.roots == root
        thing = bool(is_thing(bank.names, scoring)[root])
        self._scale = np.float32(scoring.thing_scale if thing else scoring.crop_scale)
        owners = rows.owners[mine]
        self._weights = np.ascontiguousarray(rows.weights[mine].T * self._scale)
        self._biases = rows.biases[mine] * self._scale
        self._leaves = np.unique(owners[(owners >= 0) & (owners != root)])
        self._votes = (owners[:, None] == self._leaves[None]).astype(np.float32)
        self._known = (owners >= 0).astype(np.float32)

    def __call__(
        self, embeddings: NDArray[np.float16]
    ) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
        """Return the best leaf of each, its probability, and that of being no background."""
        p = embeddings.astype(np.float32) @ self._weights
        p -= self._biases
        p -= p.max(1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(1, keepdims=True)
        p_any = np.minimum(p @ self._known, 1)
        if not len(self._leaves):
            return np.zeros(len(p), np.int64), np.zeros(len(p), np.float32), p_any
        by_leaf = p @ self._votes
        best = by_leaf.argmax(1)
        p_leaf = np.minimum(by_leaf[np.arange(len(p)), best], 1)
        return self._leaves[best], p_leaf, p_any


def detections_of(
    rows: BoxRows, scored: Scored, bank: ClassBank, n_frames: int
) -> list[Detections]:
    """Return what is reported in each frame, best score first, as the adapted model gives it.

    Args:
        rows: Rows of frames 0 to n_frames - 1.
        scored: What a `Scorer` says of them.
        bank: Its bank.
        n_frames: Number of frames, those without a box included.
    """
    told = np.flatnonzero(scored.scores >= 0)
    order = told[np.lexsort((-scored.scores[told], rows.frames[told]))]
    ends = np.searchsorted(rows.frames[order], np.arange(n_frames + 1))
    parts = (order[start:end] for start, end in pairwise(ends))
    return [
        Detections(rows.boxes[part], scored.scores[part], scored.labels[part], bank.names)
        for part in parts
    ]
