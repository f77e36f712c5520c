"""From what a learner proposes to rows of the class bank, with distractors beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from drivemeta.adaptation.checked_rows import checked_rows
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.thing_columns import columns_of
from drivemeta.adaptation.thing_views import things_among
from drivemeta.banks.capacity import capacity_for_leaves
from drivemeta.banks.contrast import contrasted
from drivemeta.banks.distractors import distractors_for, without_near
from drivemeta.banks.named import NamedBank
from drivemeta.core import DISTRACTOR, BankRows, ClassBank
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray
from drivemeta.core.scoring import Scoring
from drivemeta.errors import PluginError
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.protocol import ClassRows, Learner


@runtime_checkable
class Widens(Protocol):
    """A learner whose rows are wider than those of the shipped banks, beside which they stand."""

    def widen(self, name: str, bank: NamedBank, width: int) -> FloatArray:
        """Return the (n_rows, width) float32 rows of a shipped bank."""


def fit_rows(
    bank: ClassBank,
    learner: Learner,
    evidence: Evidence,
    parents: Sequence[str | None],
    scoring: Scoring,
) -> ClassBank:
    """Append the level-2 rows that a learner finds, and distractors unlike them.

    Signs and things are learnt apart, each over their own embedding.

    Args:
        bank: Class bank that already holds the classes.
        learner: Learner that makes the rows; it is given the identity as network, and embeddings of
            the views of the support boxes.
        evidence: What is seen in the support frames.
        parents: Super-class below which level 2 knows each class, None where it has no say.
        scoring: Constants of the detector.

    Raises:
        PluginError: the learner has no rows, which the exported model would need.
    """
    things = things_among(parents, scoring)
    for of_things in (False, True):
        classes = things == of_things
        if classes.any():
            task = evidence.task_of(classes, things=of_things)
            own = [parent for parent, mine in zip(parents, classes, strict=True) if mine]
            fitted = _proposed(learner, task)
            for root in sorted({parent for parent in own if parent is not None}):
                rows = _rows_of(bank, fitted, task.names, own, root)
                if of_things:
                    label = bank.index(root)
                    beside = torch.from_numpy(evidence.negatives.roots == label)
                    around = evidence.negatives_as(things=True)[beside].numpy()
                    of = columns_of(evidence)
                    bank = contrasted(bank, rows, label, of.store, around, of.first)
                else:
                    bank = _with_signs(bank, rows, root, learner)
    return bank


def _proposed(learner: Learner, task: LabelledImages) -> ClassRows:
    proposed = proposed_rows(learner, task)
    if proposed is None:
        raise PluginError(
            f"learner {type(learner).__name__} scores otherwise than by cosine rows, "
            "but has no branch for them: see `has_branch` in docs/plugins.md"
        )
    return proposed


def _with_signs(bank: ClassBank, rows: BankRows, root: str, learner: Learner) -> ClassBank:
    """Return a bank with rows of signs or lights, and what else there is below their root."""
    label = bank.index(root)
    has_distractors = label in bank.crop.roots
    extends = np.array([bank.classes[o].origin == "base" and o != label for o in rows.owners])
    extends &= rows.owners != DISTRACTOR
    rows = _held_back(rows, extends, bank.crop)
    crop = without_near(bank.crop, rows[~extends], label) + rows
    if not has_distractors:
        held = capacity_for_leaves(replace(bank, crop=crop))
        room = held - len(crop)
        widen = learner.widen if isinstance(learner, Widens) else None
        crop += distractors_for(root, rows, label, room, widen)
    return replace(bank, crop=crop)


def _held_back(rows: BankRows, extends: NDArray[np.bool_], known: BankRows) -> BankRows:
    """Return rows of which those that extend a kind of the base leave alone what others resemble.

    What is alike to a row that is known has a cosine of some `ALIKE` with it; there, the new row's
    logit lies below. All of these rows stay, those of background too, so that the kind names no
    more of what the base leaves nameless.

    Args:
        rows: (n,) rows of new shots.
        extends: (n,) which of them are of a kind that the base has.
        known: Rows there are.
    """
    biases = rows.biases.copy()
    for i in np.flatnonzero(extends):
        rivals = (known.roots == rows.roots[i]) & (known.owners != rows.owners[i])
        nearest = (known.weights[rivals] @ rows.weights[i]).max(initial=-1)
        biases[i] = max(biases[i], nearest - ALIKE)
    return replace(rows, biases=biases)


def proposed_rows(learner: Learner, embedded: LabelledImages) -> ClassRows | None:
    """Return the rows that a learner fits over embeddings, None if it scores otherwise.

    Raises:
        PluginError: it fails, or gives something else, or rows that are none of the embeddings'.
    """
    fitting, asking = Calling(learner, "fit"), Calling(learner, "as_bank")
    with fitting:
        classifier = fitting.returned_with(learner.fit(nn.Identity(), embedded), "as_bank")
    with asking:
        rows = classifier.as_bank()
    return None if rows is None else checked_rows(learner, "as_bank", rows, embedded)


def _rows_of(
    bank: ClassBank,
    proposed: ClassRows,
    names: Sequence[str],
    parents: Sequence[str | None],
    root: str,
) -> BankRows:
    """Return the learner's rows that compete below one super-class."""
    owner_of = {i: bank.index(names[i]) for i in range(len(names)) if parents[i] == root}
    chosen = [i for i, o in enumerate(proposed.owners) if o == DISTRACTOR or int(o) in owner_of]
    # What the support frames hold beside the new classes may be another class of that root.
    other = DISTRACTOR if root in names else bank.index(root)
    owners = [owner_of.get(int(proposed.owners[i]), other) for i in chosen]
    return BankRows(
        np.asarray(proposed.weights[chosen], np.float32),
        np.asarray(proposed.biases[chosen], np.float32),
        np.array(owners, np.int64),
        np.full(len(chosen), bank.index(root), np.int64),
    )
