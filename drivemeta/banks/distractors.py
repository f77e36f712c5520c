"""Rows of shipped classes that compete with what is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from drivemeta.banks.named import BACKGROUND, NamedBank, available_banks, load_bank
from drivemeta.core import DISTRACTOR, BankRows
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray

Widen: TypeAlias = Callable[[str, NamedBank, int], FloatArray]
"""Maps the name of a bank, the bank and a width to its rows at that width."""


def without_near(rows: BankRows, novel: BankRows, root: int) -> BankRows:
    """Return rows without those distractors of a super-class that may well be a new class."""
    near = (rows.weights @ _leaves(novel).T).max(1, initial=-1) >= ALIKE
    kept = ~(near & ((rows.owners == DISTRACTOR) | (rows.owners == root)) & (rows.roots == root))
    return rows[kept]


def distractors_for(
    parent: str, novel: BankRows, root: int, at_most: int, widen: Widen | None = None
) -> BankRows:
    """Return rows of the shipped banks that stand for "something else" below a super-class.

    Rows of named classes that may well be one of the new classes are left out; those of background
    never are, since a class from one poor shot is often near them. If there is no room for all,
    the nearest to the new classes stay.

    Args:
        parent: Name of the super-class.
        novel: Rows of the new classes.
        root: Label of the super-class.
        at_most: Number of rows.
        widen: Function that places a bank's rows where the new ones are wider.
    """
    dim = novel.weights.shape[1]
    banks = {name: load_bank(name) for name in available_banks()}
    banks = {name: bank for name, bank in banks.items() if bank.parent == parent}
    mine = _leaves(novel)
    if not banks or not len(mine) or at_most <= 0:
        return BankRows.empty(dim)
    weights = np.concatenate(
        [widen(name, bank, dim) if widen else bank.weights for name, bank in banks.items()]
    )
    names = np.concatenate([bank.names for bank in banks.values()])
    nearest = (weights @ mine.T).max(1)
    order = np.argsort(-nearest, kind="stable")
    kept = (nearest < ALIKE) | (names == BACKGROUND)
    chosen = order[kept[order]][:at_most]
    n = len(chosen)
    return BankRows(
        weights[chosen],
        np.zeros(n, np.float32),
        np.where(names[chosen] == BACKGROUND, DISTRACTOR, root).astype(np.int64),
        np.full(n, root, np.int64),
    )


def _leaves(rows: BankRows) -> FloatArray:
    """Return the weights of the rows that vote for leaves."""
    chosen: FloatArray = rows.weights[(rows.owners != DISTRACTOR) & (rows.owners != rows.roots)]
    return chosen
