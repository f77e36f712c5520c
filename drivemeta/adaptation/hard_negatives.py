"""False alarms that a user has shown: rows that stand right beside the new classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.thing_columns import columns_of
from drivemeta.banks.contrast import Contrast, rows_below
from drivemeta.core import DISTRACTOR, ClassBank
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
        label = bank.index(root)
        things = bool(is_thing((root,), scoring)[0])
        below = (bank.crop.roots == label) & np.isin(bank.crop.owners, owned)
        sure = evidence.negatives.sure & (evidence.negatives.roots == label)
        seen = evidence.negatives_as(things=things)[torch.from_numpy(sure)]
        near = seen.numpy() @ bank.crop.weights[below].T
        taken = near - bank.crop.biases[below] >= 0 if things else near >= ALIKE
        hard = seen[torch.from_numpy(taken.any(1))]
        if not len(hard):
            continue
        columns = slice(*evidence.compared)
        means = spherical_means(hard[:, columns], min(MOST, len(hard))).numpy()
        width, first = hard.shape[1], 0
        if things:
            of = columns_of(evidence)
            kept = means[:, : of.store.embeddings.shape[1]]
            (weights, biases), first = Contrast.of(of.store, root).rows(kept), of.first
        else:
            weights, biases = (
                np.zeros((len(means), width), np.float32),
                np.zeros(len(means), np.float32),
            )
            weights[:, columns] = means
        owners = np.full(len(means), DISTRACTOR if label in owned else label)
        rows = rows_below(label, weights, biases, owners, width, first)
        bank = replace(bank, crop=bank.crop + rows)
    return bank
