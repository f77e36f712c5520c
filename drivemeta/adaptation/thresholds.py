"""Thresholds of new classes: above the background, below what held-out support boxes score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.held_frames import HeldFrames, outcomes_of
from drivemeta.adaptation.held_out import HeldOut
from drivemeta.adaptation.thing_views import things_among
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.matching import HIT, MISS
from drivemeta.models.detector import TwoLevelDetector

LEAST, GREATEST = 0.05, 0.9
FALSE_POSITIVE_RATE = 0.02
ALARMS_PER_FRAME = 0.1
ENOUGH = 5  # frames, of which one may show a false alarm
# Least score that a few frames without a false alarm can speak for, and the one that is taken where
# no held-out box is found either, or no frame is held out.
QUIET, UNPROVEN = 0.15, 0.4
CLEAR = 1.05  # times the score of a false alarm, where hits do not score higher


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


def judged_by_frames(
    base: TwoLevelDetector, support: SupportSet, parents: Sequence[str | None]
) -> NDArray[np.bool_]:
    """Return (n_classes,) which classes get their thresholds by whole frames that were held out.

    Things do, and new kinds of object: what they are taken for is seen in whole frames only.
    """
    known = {spec.name for spec in base.bank.classes if spec.origin == "base"}
    pairs = zip(support.classes, parents, strict=True)
    new = [parent is None and name not in known for name, parent in pairs]
    return things_among(parents, base.scoring) | np.array(new, np.bool_)


def calibrate_by_frames(
    bank: ClassBank, support: SupportSet, held: HeldFrames, classes: NDArray[np.bool_]
) -> ClassBank:
    """Set thresholds at which held-out frames show next to no false alarms.

    Args:
        bank: Class bank with the new classes.
        support: What they were learnt from.
        held: What is found in frames that were held out; thresholds stay if there are none.
        classes: (n_classes,) bool, classes of the support set to do so for.
    """
    thresholds = {}
    for label in np.flatnonzero(classes) if held else ():
        outcomes, _ = outcomes_of(support, bank, held, int(label))
        scores, kinds = (np.concatenate(part) for part in zip(*outcomes, strict=True))
        allowed = max(int(ALARMS_PER_FRAME * len(held)), int(len(held) >= ENOUGH))
        alarms = np.sort(scores[kinds == MISS])[::-1]
        low = max(float(alarms[allowed]) if len(alarms) > allowed else 0.0, QUIET)
        hits = scores[kinds == HIT]
        high = float(np.quantile(hits, 0.25)) if len(hits) else UNPROVEN
        middle = float(np.sqrt(low * high)) if high > low else low * CLEAR
        thresholds[support.classes[label]] = float(np.clip(middle, LEAST, GREATEST))
    return bank.with_thresholds(thresholds)


def sure_where_untried(
    bank: ClassBank,
    before: ClassBank,
    support: SupportSet,
    held: HeldFrames,
    classes: NDArray[np.bool_],
) -> ClassBank:
    """Return the bank in which what level 1's new rows find is reported only when it is sure.

    That is so for a class without a box in a frame that was held out: nothing says how often these
    rows take something else for it.

    Args:
        bank: Class bank with the new classes.
        before: Class bank without them.
        support: What they were learnt from.
        held: What is found in frames that were held out.
        classes: (n_classes,) bool, classes of the support set to do so for.
    """
    of_level1 = {bank.names[owner] for owner in bank.dense.owners} - set(before.names)
    tried = {int(n) for frame in held for n in support.images[frame].labels}
    thresholds = {}
    for label in set(np.flatnonzero(classes).tolist()) - tried:
        name = support.classes[label]
        if name in of_level1:
            thresholds[name] = max(bank.classes[bank.index(name)].threshold, UNPROVEN)
    return bank.with_thresholds(thresholds)


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
