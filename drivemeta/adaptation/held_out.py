"""How each support box fares when its frame is held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.bank_rows import fit_rows
from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.hard_negatives import add_hard_negatives
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import class_probabilities
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.models.detector import TwoLevelDetector

MAX_FOLDS = 5
# Level 1's score of a box where it found none at all, and of a crop, which has no scene.
UNSEEN_SCORE, SCORE_OF_CROPS = 0.1, 0.5
SOMETHING_ELSE = -1


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How each support box fares by rows that were learnt without it.

    Attributes:
        scores: (n_boxes,) float32, final scores as the class it is annotated as.
        labels: (n_boxes,) int64, the class of the bank that level 2 names it, `SOMETHING_ELSE`
            where a distractor wins, its own where level 2 has no say.
        spared: (n_boxes,) bool; False where its class has no other box, so that nothing could be
            held out and its own rows judged it.
        negatives: (n,) float32 scores of things that are something else, for each class.
    """

    scores: FloatArray
    labels: NDArray[np.int64]
    spared: NDArray[np.bool_]
    negatives: tuple[FloatArray, ...]


def hold_out(
    full: RowLearning,
    bank: ClassBank,
    parents: Sequence[str | None],
    without: Callable[[NDArray[np.int64]], RowLearning],
) -> HeldOut:
    """Judge each support box by rows learnt without it: at most `MAX_FOLDS` times learnt anew.

    Up to five shots a class that is leaving one out; of more, every fifth box is held out at a
    time. A class with one box has nothing to spare: its box is judged by rows learnt from its
    augmented views, as the crop that level 1 proposes of it.

    Args:
        full: Detector before adaptation, learner, and the support frames as they see them.
        bank: Class bank with the new classes and their rows.
        parents: Super-class of each class, None for one that level 1 learnt whole.
        without: Function that learns again without the boxes held out, where the learner changes
            layers.
    """
    base, evidence = full.base, full.evidence
    labels = evidence.boxes.labels
    counts = np.bincount(labels, minlength=len(evidence.labelled.names))
    judge = _Judge(base, bank, evidence, parents)
    judge(np.flatnonzero(counts[labels] == 1), bank, evidence)
    for fold in _folds(labels):
        # With the rows that were there before: only those of the new shots are learnt anew.
        again = without(fold)
        seen, rows = again.evidence, replace(bank, crop=again.base.bank.crop)
        rest = replace(seen, embedded=seen.embedded.without_shots(fold))
        rows = fit_rows(rows, again.learner, rest, parents, base.scoring)
        judge(fold, add_hard_negatives(rows, seen, parents, base.scoring), seen)
    negatives = tuple(_against(base, bank, evidence, label, p) for label, p in enumerate(parents))
    return HeldOut(judge.scores, judge.named, counts[labels] > 1, negatives)


class _Judge:
    """Scores support boxes as the class that they are annotated as, by the rows it is given.

    Attributes:
        scores: (n_boxes,) float32 final scores; before a box is judged, level 1's alone.
        named: (n_boxes,) int64 class of the bank that each is named; before, its own.
    """

    def __init__(
        self,
        base: TwoLevelDetector,
        bank: ClassBank,
        evidence: Evidence,
        parents: Sequence[str | None],
    ) -> None:
        self._base, self._parents, self._labels = base, parents, evidence.boxes.labels
        names = evidence.embedded.names
        self._owners = np.array([bank.index(name) for name in names], np.int64)[self._labels]
        self._dense = _dense_scores(evidence)
        self.scores, self.named = self._dense.copy(), self._owners.copy()

    def __call__(self, boxes: NDArray[np.int64], bank: ClassBank, evidence: Evidence) -> None:
        """Judge some boxes by the rows of a bank; those that level 1 learnt whole stay as found."""
        for i in boxes:
            parent = self._parents[self._labels[i]]
            if parent is not None:
                embedding, root = evidence.boxes.embeddings[[i]], bank.index(parent)
                power = power_of(bank.names[self._owners[i]], parent, self._base.scoring)
                by_class = _leaves(self._base, bank, embedding, root)[0]
                self.scores[i] = self._dense[i] * by_class[self._owners[i]] ** power
                self.named[i] = _named(by_class)


def _dense_scores(evidence: Evidence) -> FloatArray:
    """Return level 1's score of each box; one that it misses gets the others' median."""
    scored = evidence.boxes.found
    found = scored[scored > 0]
    unseen = SCORE_OF_CROPS if evidence.of_crops else UNSEEN_SCORE
    typical = np.median(found) if len(found) else unseen
    return np.where(scored > 0, scored, typical).astype(np.float32)


def _against(
    base: TwoLevelDetector, bank: ClassBank, evidence: Evidence, label: int, parent: str | None
) -> FloatArray:
    """Return the scores of the negatives as one of the classes."""
    if parent is None:
        return np.zeros(0, np.float32)
    root = bank.index(parent)
    rooted = evidence.negatives.roots == root
    name, scoring = evidence.labelled.names[label], base.scoring
    things = bool(is_thing((parent,), scoring)[0])
    embeddings = evidence.negatives_as(things=things).numpy()[rooted]
    p = _leaves(base, bank, embeddings, root)[:, bank.index(name)]
    power = power_of(name, parent, scoring)
    return np.asarray(evidence.negatives.scores[rooted] * p**power, np.float32)


def power_of(name: str, root: str, scoring: Scoring) -> float:
    """Return the weight of level 2 in the score of a class below a super-class, or of itself."""
    things = bool(is_thing((root,), scoring)[0])
    if name == root:
        return scoring.thing_parent_power if things else scoring.parent_power
    return scoring.thing_power if things else scoring.crop_power


def _named(by_class: FloatArray) -> int:
    return int(by_class.argmax()) if by_class.max() >= 1 - by_class.sum() else SOMETHING_ELSE


def _folds(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return sets of boxes to hold out; no class with several boxes loses all of them in one."""
    folds: list[list[int]] = [[] for _ in range(MAX_FOLDS)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) > 1:
            for position, box in enumerate(own):
                folds[position % MAX_FOLDS].append(int(box))
    return [np.array(fold, np.int64) for fold in folds if fold]


def _leaves(
    base: TwoLevelDetector, bank: ClassBank, embeddings: FloatArray, root: int
) -> FloatArray:
    """Return the (n, n_classes) probabilities of the leaves of one super-class."""
    if not len(embeddings) or not (bank.crop.roots == root).any():
        return np.zeros((len(embeddings), len(bank.classes)), np.float32)
    roots = np.full(len(embeddings), root)
    return class_probabilities(embeddings, roots, bank, base.scoring)
