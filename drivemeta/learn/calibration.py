"""Thresholds of new classes: above the background, below what held-out support boxes score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import class_probabilities
from drivemeta.learn.evidence import Evidence
from drivemeta.learn.rows import fit_rows
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.protocols import Learner

LEAST, GREATEST = 0.05, 0.9
FALSE_POSITIVE_RATE = 0.02
MAX_FOLDS = 5


def calibrate(
    base: TwoLevelDetector,
    bank: ClassBank,
    learner: Learner,
    evidence: Evidence,
    parents: Sequence[str | None],
) -> ClassBank:
    """Set each new class's threshold by support boxes that its rows were not learnt from.

    Args:
        base: the detector before adaptation.
        bank: with the new classes and their rows.
        learner: fits again without the boxes held out.
        evidence: of the support frames.
        parents: super-class of each class, None for one that level 1 learnt whole.
    """
    names = evidence.labelled.names
    positives = _held_out_scores(base, bank, learner, evidence, parents)
    negatives = embed(base.level2, evidence.labelled.negatives)
    thresholds, uncertain = {}, set()
    for label, (name, parent) in enumerate(zip(names, parents, strict=True)):
        own = evidence.labels == label
        against = np.zeros(0, np.float32)
        if parent is not None:
            rooted = evidence.negative_roots == bank.index(parent)
            dense = evidence.negative_scores[rooted]
            scores = _scores(base, bank, negatives[rooted], dense, bank.index(parent))
            against = scores[:, bank.index(name)]
        thresholds[name] = threshold(positives[own], against)
        if own.sum() == 1:
            uncertain.add(name)
    classes = tuple(
        replace(spec, low_confidence=spec.name in uncertain) if spec.name in thresholds else spec
        for spec in bank.classes
    )
    return replace(bank, classes=classes).with_thresholds(thresholds)


def _held_out_scores(
    base: TwoLevelDetector,
    bank: ClassBank,
    learner: Learner,
    evidence: Evidence,
    parents: Sequence[str | None],
) -> FloatArray:
    """Return the (n_boxes,) score of each support box, by rows learnt without it.

    A class with one box has nothing to spare: its box is scored by rows learnt from its augmented
    views, as the crop that level 1 proposes of it.
    """
    labels = evidence.labels
    task = replace(
        evidence.labelled,
        images=torch.from_numpy(embed(base.level2, evidence.labelled.images)),
        negatives=torch.from_numpy(embed(base.level2, evidence.labelled.negatives)),
    )
    held = embed(base.level2, evidence.held)
    found = evidence.found[evidence.found > 0]
    dense = np.where(evidence.found > 0, evidence.found, np.median(found) if len(found) else 0.1)
    scores = dense.astype(np.float32)

    def score(boxes: NDArray[np.int64], rows: ClassBank) -> None:
        for i in boxes:
            parent, name = parents[labels[i]], task.names[labels[i]]
            if parent is not None:
                root = rows.index(parent)
                joined = _scores(base, rows, held[[i]], dense[[i]], root)
                scores[i] = joined[0, rows.index(name)]

    counts = np.bincount(labels, minlength=len(task.names))
    score(np.flatnonzero(counts[labels] == 1), bank)
    for fold in _folds(labels):
        rows = replace(bank, crop=base.bank.crop)
        score(
            fold,
            fit_rows(rows, learner, nn.Identity(), task.without_shots(fold), parents),
        )
    return scores


def _folds(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return sets of boxes to hold out: one of each class that has more, at most `MAX_FOLDS`."""
    folds: list[list[int]] = [[] for _ in range(MAX_FOLDS)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) > 1:
            for fold, box in zip(folds, own, strict=False):
                fold.append(int(box))
    return [np.array(fold, np.int64) for fold in folds if fold]


def _scores(
    base: TwoLevelDetector,
    bank: ClassBank,
    embeddings: FloatArray,
    dense: FloatArray,
    root: int,
) -> FloatArray:
    """Return the (n, n_classes) final scores of crops below one super-class."""
    if not (bank.crop.roots == root).any():
        return np.zeros((len(embeddings), len(bank.classes)), np.float32)
    roots = np.full(len(embeddings), root)
    p = class_probabilities(embeddings, roots, bank, base.scoring)
    return np.asarray(dense[:, None] * p**base.scoring.crop_power, np.float32)


def threshold(positives: FloatArray, negatives: FloatArray) -> float:
    """Return a score between the background's highest and the positives' lower ones.

    Args:
        positives: scores of held-out support boxes.
        negatives: scores of things that are something else.
    """
    low = float(np.quantile(negatives, 1 - FALSE_POSITIVE_RATE)) if len(negatives) else 0.0
    high = float(np.quantile(positives, 0.25)) if len(positives) else GREATEST
    low = max(low, 0.2 * high, 1e-3)
    middle = float(np.sqrt(low * max(high, 1e-3)))
    return float(np.clip(middle, LEAST, GREATEST))


@torch.no_grad()
def embed(network: nn.Module, images: torch.Tensor) -> FloatArray:
    """Return (n, dim) float32 embeddings of (n, 3, 64, 64) crops."""
    if not len(images):
        return np.zeros((0, 1), np.float32)
    return np.asarray(
        torch.cat([network(part) for part in torch.split(images, 64)]).numpy(), np.float32
    )
