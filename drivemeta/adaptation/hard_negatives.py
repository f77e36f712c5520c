"""False alarms that a user has shown: rows that stand right beside the new classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from drivemeta.adaptation.evidence import Evidence
from drivemeta.core import DISTRACTOR, BankRows, ClassBank
from drivemeta.core.bank import ALIKE
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.plugins.learner.means import spherical_means

MOST = 16


def add_hard_negatives(
    bank: ClassBank, evidence: Evidence, parents: Sequence[str | None], scoring: Scoring
) -> ClassBank:
    """Add rows for things that surely are no new class and look like one.

    Learners leave out what resembles a class, as few users annotate every instance. In frames
    given as negatives, and in exhaustively annotated ones, there is no such doubt. The rows vote
    for the super-class: what resembles them stays an object of it, without a name.

    Args:
        bank: Class bank with the rows of the new classes.
        evidence: What is seen in the support and negative frames.
        parents: Super-class of each class, None for one that level 1 learnt whole.
        scoring: Constants of the detector.
    """
    owned = [bank.index(name) for name in evidence.labelled.names]
    for root in sorted({name for name in parents if name is not None}):
        label, rows = bank.index(root), bank.crop
        things = bool(is_thing((root,), scoring)[0])
        embeddings, alike = evidence.negatives_as(things=things), ALIKE
        mine = rows.weights[(rows.roots == label) & np.isin(rows.owners, owned)]
        if not len(mine):
            continue
        sure = evidence.negatives.sure & (evidence.negatives.roots == label)
        near = (embeddings.numpy() @ mine.T).max(1, initial=-1) >= alike
        hard = embeddings[torch.from_numpy(sure & near)]
        if len(hard):
            n_means, columns = min(MOST, len(hard)), slice(*evidence.compared)
            found = spherical_means(hard[:, columns], n_means).numpy()
            n, means = len(found), np.zeros((len(found), hard.shape[1]), np.float32)
            means[:, columns] = found
            owner = DISTRACTOR if label in owned else label
            bank = replace(
                bank,
                crop=rows
                + BankRows(means, np.zeros(n, np.float32), np.full(n, owner), np.full(n, label)),
            )
    return bank
