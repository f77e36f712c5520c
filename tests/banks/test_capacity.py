"""A bank grows with its classes, and keeps room for what is something else."""

import numpy as np
import pytest

from drivemeta.banks.capacity import capacity_for, capacity_for_leaves, within_capacity
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec


def bank_of(n_leaves, n_distractors):
    """Return a bank of one super-class with a row for each leaf, and distractors."""
    rng = np.random.default_rng(0)
    n = n_leaves + n_distractors
    weights = rng.normal(size=(n, 8)).astype(np.float32)
    owners = np.array([*range(1, n_leaves + 1), *[DISTRACTOR] * n_distractors], np.int64)
    leaves = [ClassSpec(f"leaf{i}", parent="sign", threshold=0.2) for i in range(n_leaves)]
    return ClassBank(
        (ClassSpec("sign", threshold=0.2), *leaves),
        BankRows.empty(8),
        BankRows(weights, np.zeros(n, np.float32), owners, np.zeros(n, np.int64)),
    )


@pytest.mark.parametrize(
    ("n_leaves", "n_distractors", "held", "held_of_leaves"),
    [(5, 10, 256, 256), (192, 64, 256, 256), (200, 0, 256, 512), (300, 400, 1024, 512)],
)
def test_it_doubles_until_all_fits(n_leaves, n_distractors, held, held_of_leaves):
    bank = bank_of(n_leaves, n_distractors)
    assert capacity_for(bank) == held
    assert capacity_for_leaves(bank) == held_of_leaves
    kept = within_capacity(bank, held_of_leaves)
    assert len(kept.crop) == min(held_of_leaves, n_leaves + n_distractors)
    assert (kept.crop.owners >= 0).sum() == n_leaves


def test_classes_count_as_rows_do():
    bank = bank_of(256, 0)
    assert capacity_for(bank) == 512
