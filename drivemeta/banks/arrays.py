"""A class bank as the arrays that an exported graph takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import BankRows, ClassBank
from drivemeta.errors import InputError

UNREACHABLE = 2.0
LEVELS = ("dense", "crop")


def bank_arrays(bank: ClassBank, capacity: int | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of a bank, padded to a fixed capacity.

    Args:
        bank: Classes and rows.
        capacity: Rows of a level and classes after padding; None for no padding.

    Returns:
        For each level `*_weights` (capacity, dim) float32, `*_biases` (capacity,) float32,
        `*_owners` and `*_roots` (capacity,) int64, `*_count` (1,) int64, the rows in use; and
        `thresholds` (capacity,) float32.

    Raises:
        InputError: the bank has more rows or classes than fit.
    """
    if capacity is not None:
        check_capacity(bank, capacity)
    thresholds = _pad(bank.thresholds, capacity, UNREACHABLE)
    arrays: dict[str, NDArray[Any]] = {"thresholds": thresholds}
    for level in LEVELS:
        rows: BankRows = getattr(bank, level)
        arrays[f"{level}_weights"] = _pad(rows.weights.astype(np.float32), capacity, 0)
        arrays[f"{level}_biases"] = _pad(rows.biases.astype(np.float32), capacity, 0)
        arrays[f"{level}_owners"] = _pad(rows.owners, capacity, -1)
        arrays[f"{level}_roots"] = _pad(rows.roots, capacity, -1)
        arrays[f"{level}_count"] = np.array([len(rows)], np.int64)
    return arrays


def check_capacity(bank: ClassBank, capacity: int) -> None:
    """Refuse a bank that has more rows or classes than a model can hold.

    Raises:
        InputError: it has.
    """
    sizes = {
        "classes": len(bank.classes),
        "dense rows": len(bank.dense),
        "crop rows": len(bank.crop),
    }
    for what, n in sizes.items():
        if n > capacity:
            raise InputError(
                f"the class bank has {n} {what}, the model holds at most {capacity}; "
                "export it again with a larger --bank-capacity"
            )


def _pad(array: NDArray[Any], capacity: int | None, value: float) -> NDArray[Any]:
    if capacity is None:
        return array
    padding = [(0, capacity - len(array))] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, padding, constant_values=value)
