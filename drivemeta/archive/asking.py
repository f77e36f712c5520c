"""What a user asks for, checked against an archive: a model's classes, or one box of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.base_facts import BaseFacts, finder_digest
from drivemeta.archive.scores import Scorer
from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.errors import InputError, suggest
from drivemeta.runtime.model_file import ModelFile, bank_of


def wanted_of(bank: ClassBank, names: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n_classes,) bool, the classes that are asked for.

    A super-class stands for itself and all its kinds. Without names, what was adapted to counts, or
    all if nothing was.

    Raises:
        InputError: the model has no such class.
    """
    for name in names:
        if name not in bank.names:
            raise InputError(
                f"--class: the model has no class {name!r}; {suggest(name, bank.names)}"
            )
    if names:
        asked = [s.name in names or s.parent in names for s in bank.classes]
    else:
        asked = [spec.origin == "novel" for spec in bank.classes]
    return np.array(asked if any(asked) else [True] * len(asked), np.bool_)


def scorer_of_model(
    facts: BaseFacts, file: ModelFile, names: Sequence[str], min_score: float | None
) -> tuple[Scorer, NDArray[np.bool_]]:
    """Return the scorer of a model and the classes that are asked for.

    Raises:
        ModelFileError: the archive does not hold what the model needs.
        InputError: the model has no such class.
    """
    facts.check(file)
    wanted = wanted_of(bank_of(file), names)
    return Scorer.of(file, min_score, wanted), wanted


def scorer_of_bank(
    facts: BaseFacts, bank: ClassBank, scoring: Scoring, name: str, base: ClassBank
) -> tuple[Scorer, NDArray[np.bool_]]:
    """Return the scorer of a class that was learnt on the spot, from whatever score it has.

    Args:
        facts: Base of the archive.
        bank: Bank with the class.
        scoring: Constants of the base.
        name: Class.
        base: Bank of the base.

    Raises:
        InputError: the base does not find such objects, so that no row shows one.
    """
    if bank.classes[bank.index(name)].parent is None:
        raise InputError(
            "the base does not find what is in the box, so that the archive holds no such rows; "
            "draw the box closer, say what it is a kind of by --parent, or search with a model"
        )
    bank = replace(bank, dense=base.dense)  # a finder of its own found nothing when it was indexed
    if finder_digest(bank) != facts.finder_digest:
        raise InputError(
            "the archive was made by another base: give it by --base, as `drivemeta index` was"
        )
    bank = bank.with_thresholds({name: facts.least_score})
    wanted = wanted_of(bank, [name])
    return Scorer(bank, scoring, wanted=wanted), wanted
