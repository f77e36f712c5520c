"""Keeping a bank within what an exported model holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassBank

CAPACITY = 256


def capacity_for(bank: ClassBank, least: int = CAPACITY) -> int:
    """Return how many rows a level and classes a model has to hold: `least`, doubled as needed.

    >>> from drivemeta.core import BankRows
    >>> capacity_for(ClassBank((), BankRows.empty(4), BankRows.empty(4)))
    256
    """
    return _doubled(least, len(bank.classes), len(bank.dense), len(bank.crop))


def capacity_for_leaves(
    bank: ClassBank, least: int = CAPACITY, *, spare_rows: int = CAPACITY // 4
) -> int:
    """Return the same if distractors make room, but for some spare rows of level 2."""
    n_rows = int(_of_leaves(bank).sum()) + spare_rows
    return _doubled(least, len(bank.classes), len(bank.dense), n_rows)


def _doubled(least: int, *needed: int) -> int:
    capacity = least
    while capacity < max(needed):
        capacity *= 2
    return capacity


def _of_leaves(bank: ClassBank) -> NDArray[np.bool_]:
    """Return which rows of level 2 vote for a leaf, or for a new kind of object."""
    named = [spec.parent is not None or spec.origin == "novel" for spec in bank.classes]
    owners = bank.crop.owners
    if not named:
        return np.zeros(len(owners), np.bool_)
    return np.asarray((owners >= 0) & np.array(named, np.bool_)[owners], np.bool_)


def within_capacity(bank: ClassBank, capacity: int = CAPACITY) -> ClassBank:
    """Return the bank with at most `capacity` level-2 rows: the least telling distractors go.

    Those are rows that vote for no leaf and are the farthest from all rows that do. Rows of leaves
    are never dropped.
    """
    rows = bank.crop
    surplus = len(rows) - capacity
    if surplus <= 0:
        return bank
    leaf = _of_leaves(bank)
    if not leaf.any():
        return bank
    nearness = (rows.weights @ rows.weights[leaf].T).max(1)
    nearness[leaf | ~rows.weights.any(1)] = np.inf  # zeros stand for any other thing
    order = np.argsort(nearness, kind="stable")
    kept = np.ones(len(rows), np.bool_)
    kept[order[: min(surplus, int((~leaf).sum()))]] = False
    fewer = rows[kept]
    return replace(bank, crop=fewer)
