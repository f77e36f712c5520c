"""Thresholds of new classes: above the background, below what held-out support boxes score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.held_out import HeldOut
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray

LEAST, GREATEST = 0.05, 0.9
FALSE_POSITIVE_RATE = 0.02


def calibrate(
    bank: ClassBank,
    evidence: Evidence,
    held: HeldOut,
    parents: Sequence[str | None],
    before: ClassBank,
) -> ClassBank:
    """Set each new class's threshold by support boxes that its rows were not learnt from.

    A class of the base, or one that level 1 finds, keeps the threshold it had before: its new rows
    are made to fit it, see `learn_beside`.

    Args:
        bank: Class bank with the new classes and their rows.
        evidence: What is seen in the support frames.
        held: Scores of held-out boxes, see `hold_out`.
        parents: Super-class of each class, None for one that level 1 learnt whole.
        before: Class bank without them.
    """
    thresholds, uncertain = {}, set()
    kept = {spec.name for spec in before.classes if spec.origin == "base" or spec.parent is None}
    unseen = not (evidence.boxes.roots >= 0).any()
    for label, name in enumerate(evidence.labelled.names):
        if name in kept:
            continue
        own = evidence.boxes.labels == label
        thresholds[name] = threshold(held.scores[own], held.negatives[label])
        if not held.spared[own].all() or (unseen and parents[label] is not None):
            uncertain.add(name)
    classes = tuple(
        replace(spec, low_confidence=spec.name in uncertain) if spec.name in thresholds else spec
        for spec in bank.classes
    )
    return replace(bank, classes=classes).with_thresholds(thresholds)


def threshold(positives: FloatArray, negatives: FloatArray) -> float:
    """Return a score between the background's highest and the positives' lower ones.

    Args:
        positives: Scores of held-out support boxes.
        negatives: Scores of things that are something else.
    """
    low = float(np.quantile(negatives, 1 - FALSE_POSITIVE_RATE)) if len(negatives) else 0.0
    high = float(np.quantile(positives, 0.25)) if len(positives) else GREATEST
    low = max(low, 0.2 * high, 1e-3)
    middle = float(np.sqrt(low * max(high, 1e-3)))
    return float(np.clip(middle, LEAST, GREATEST))
