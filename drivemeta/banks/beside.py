"""A named bank beside the classes of an adapted model, which stay as they were learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.banks.named import BACKGROUND, NamedBank, with_named
from drivemeta.core import DISTRACTOR, BankRows, ClassBank
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import InputError

# Alone, five Vietnamese classes of five shots found 113 of 255 boxes (129 frames, three draws); 75
# beside the shipped signs as they are, 112 beside those held back.
TOO_LIKE = 0.8  # cosine from which a shipped class is left out beside one of the model's own
YIELD = 0.15  # of cosine, by which a shipped class must be nearer than one of the model's own
_MOST_NAMED = 6


def named_beside(bank: ClassBank, named: NamedBank) -> tuple[ClassBank, list[str]]:
    """Return a bank that also names the classes of a named bank, and notes on what is left out.

    A class of the model's own keeps its name and its rows. What is shipped under the same name is
    left out, and so are rows that are too like one of the model's own classes; the others yield to
    those where both are nearly as near, or they would take their boxes. Rows of the model that
    stood for something else go where what they may well show has a name now.

    Raises:
        InputError: a class of that name is no kind of the bank's super-class.
        ModelFileError: the bank has no such super-class, or its rows are of another length.
    """
    own = {spec.name for spec in bank.classes if spec.origin == "novel"}
    _check_names(bank, named)
    names = np.array(named.names)
    shared = np.isin(names, sorted(own))
    novel = _novel(bank)
    alike = ~shared & (names != BACKGROUND) & (_nearness(named.weights, novel.weights) >= TOO_LIKE)
    added = _chosen(named, ~shared & ~alike & ~_in_both(bank, named))
    held = with_named(replace(bank, crop=_unnamed(bank, added)), added)
    if (novel.roots == bank.index(named.parent)).any():
        held = replace(held, crop=_yielding(held.crop, added))
    gone = sorted(set(names[alike]) - set(added.names))
    return held, _notes(sorted(set(names[shared])), gone)


def _check_names(bank: ClassBank, named: NamedBank) -> None:
    parents = {spec.name: spec.parent for spec in bank.classes}
    wrong = [n for n in dict.fromkeys(named.names) if parents.get(n, named.parent) != named.parent]
    if wrong:
        raise InputError(
            f"the model's own class {wrong[0]!r} is no kind of {named.parent}, as the shipped one "
            "of that name is; rename it first (`drivemeta bank rename`)"
        )


def _novel(bank: ClassBank) -> BankRows:
    own = [label for label, spec in enumerate(bank.classes) if spec.origin == "novel"]
    return _rows(bank.crop, np.isin(bank.crop.owners, own))


def _in_both(bank: ClassBank, named: NamedBank) -> NDArray[np.bool_]:
    """Return which rows are that of any other thing, if the bank has one below the super-class."""
    rows = bank.crop
    mine = rows.roots == (bank.index(named.parent) if named.parent in bank.names else DISTRACTOR)
    there = bool((mine & ~rows.weights.any(1)).any())
    return np.asarray(~named.weights.any(1) & there, np.bool_)


def _unnamed(bank: ClassBank, named: NamedBank) -> BankRows:
    """Return the rows of level 2 without those of something else that a named bank holds."""
    rows = bank.crop
    if named.parent not in bank.names:
        return rows
    root = bank.index(named.parent)
    other = (rows.roots == root) & ((rows.owners == root) | (rows.owners == DISTRACTOR))
    leaves = np.array([name != BACKGROUND for name in named.names], bool)
    seen = _nearness(rows.weights, named.weights[leaves]) >= ALIKE
    return _rows(rows, ~(other & seen))


def _yielding(rows: BankRows, added: NamedBank) -> BankRows:
    """Return rows of which the last ones, those added, are held back where they name a class."""
    biases = rows.biases.copy()
    leaves = np.array([name != BACKGROUND for name in added.names], np.bool_)
    biases[len(rows) - len(leaves) :][leaves] += YIELD
    return replace(rows, biases=biases)


def _nearness(weights: FloatArray, others: FloatArray) -> FloatArray:
    """Return the cosine of each row with the nearest of others, -1 where there is none."""
    if weights.shape[1:] != others.shape[1:]:
        return np.full(len(weights), -1, np.float32)  # `with_named` refuses them
    return np.asarray((weights @ others.T).max(1, initial=-1), np.float32)


def _chosen(named: NamedBank, keep: NDArray[np.bool_]) -> NamedBank:
    names = tuple(name for name, kept in zip(named.names, keep, strict=True) if kept)
    biases = None if named.biases is None else named.biases[keep]
    return NamedBank(named.parent, names, named.weights[keep], biases)


def _rows(rows: BankRows, keep: NDArray[np.bool_]) -> BankRows:
    return rows[keep]


def _notes(shared: list[str], alike: list[str]) -> list[str]:
    notes = []
    if shared:
        notes.append(f"named as the model learnt them, not as shipped: {_listed(shared)}")
    if alike:
        notes.append(f"not named, being too like classes of the model: {_listed(alike)}")
    return notes


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
