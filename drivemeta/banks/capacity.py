"""Keeping a bank within what an exported model holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivemeta.core import BankRows, ClassBank

CAPACITY = 256


def within_capacity(bank: ClassBank, capacity: int = CAPACITY) -> ClassBank:
    """Return the bank with at most `capacity` level-2 rows: the least telling distractors go.

    Those are rows that vote for no leaf and are the farthest from all rows that do. Rows of leaves
    are never dropped.
    """
    rows = bank.crop
    surplus = len(rows) - capacity
    if surplus <= 0:
        return bank
    parents = np.array([spec.parent is not None for spec in bank.classes])
    leaf = (rows.owners >= 0) & parents[rows.owners]
    if not leaf.any():
        return bank
    nearness = (rows.weights @ rows.weights[leaf].T).max(1)
    nearness[leaf] = np.inf
    order = np.argsort(nearness, kind="stable")
    kept = np.ones(len(rows), np.bool_)
    kept[order[: min(surplus, int((~leaf).sum()))]] = False
    fewer = BankRows(rows.weights[kept], rows.biases[kept], rows.owners[kept], rows.roots[kept])
    return replace(bank, crop=fewer)
