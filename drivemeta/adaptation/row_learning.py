"""From what is seen in the support frames to a class bank with rows of both levels."""

from __future__ import annotations

from collections.abc import Sequence

from drivemeta.adaptation.bank_rows import fit_rows
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.hard_negatives import add_hard_negatives
from drivemeta.adaptation.new_classes import add_classes
from drivemeta.banks.capacity import capacity_for_leaves, within_capacity
from drivemeta.core import ClassBank
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.learner.protocol import Learner


def learn_rows(
    base: TwoLevelDetector,
    learner: Learner,
    evidence: Evidence,
    parents: Sequence[str | None],
    *,
    of_crops: bool = False,
) -> ClassBank:
    """Return the base's bank with the new classes and their rows.

    Args:
        base: Detector before adaptation.
        learner: Learner that makes the rows of level 2.
        evidence: What is seen in the support frames.
        parents: Super-class below which level 2 knows each class, see `parents_of`.
        of_crops: Whether the support set is plain crops, without scenes that level 1 could learn
            from.
    """
    bank = add_classes(base, evidence, parents, of_crops=of_crops)
    bank = fit_rows(bank, learner, evidence, parents, base.scoring)
    bank = add_hard_negatives(bank, evidence, parents, base.scoring)
    return within_capacity(bank, capacity_for_leaves(bank))
