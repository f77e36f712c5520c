"""The class bank: what holds in every one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec

CLASSES = (
    ClassSpec("vehicle"),
    ClassSpec("traffic_sign", threshold=0.4),
    ClassSpec("stop", "traffic_sign", "novel", shots=5),
)


def rows(owners: list[int], roots: list[int], dim: int = 4) -> BankRows:
    weights = np.random.default_rng(0).normal(size=(len(owners), dim)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    biases = np.zeros(len(owners), np.float32)
    return BankRows(weights, biases, np.array(owners, np.int64), np.array(roots, np.int64))


def bank() -> ClassBank:
    return ClassBank(CLASSES, rows([0, 1], [0, 1]), rows([2, DISTRACTOR], [1, 1]))


def test_names_thresholds_and_roots_are_in_the_order_of_the_labels():
    assert bank().names == ("vehicle", "traffic_sign", "stop")
    np.testing.assert_allclose(bank().thresholds, [0.3, 0.4, 0.3])
    assert bank().roots.tolist() == [0, 1, 1]
    assert bank().index("stop") == 2


@given(st.lists(st.integers(0, 5), max_size=4), st.integers(1, 8))
def test_rows_append(lengths, dim):
    total = BankRows.empty(dim)
    for n in lengths:
        total = total + rows([0] * n, [0] * n, dim)
    assert len(total) == sum(lengths)
    assert total.weights.shape == (sum(lengths), dim)
    assert total.weights.dtype == np.float32
    assert total.owners.dtype == np.int64


def test_rows_of_unequal_length_are_refused():
    none = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match=r"found \(2, 4\)"):
        BankRows(np.zeros((2, 4), np.float32), np.zeros(2, np.float32), none, none)


def test_a_name_that_occurs_twice_is_refused():
    with pytest.raises(ValueError, match="found twice: vehicle"):
        ClassBank((*CLASSES, ClassSpec("vehicle")), rows([0], [0]), BankRows.empty(4))


@pytest.mark.parametrize("parent", ["truck", "stop"])
def test_a_parent_must_be_a_super_class(parent):
    classes = (*CLASSES, ClassSpec("all_way_stop", parent))
    with pytest.raises(ValueError, match=f"parent '{parent}' is no super-class"):
        ClassBank(classes, rows([0], [0]), BankRows.empty(4))


@pytest.mark.parametrize(("owner", "root"), [(3, 0), (0, 3), (-2, 0), (0, -1)])
def test_a_row_of_a_class_that_is_not_there_is_refused(owner, root):
    with pytest.raises(ValueError, match="refers to a class that the bank does not have"):
        ClassBank(CLASSES, BankRows.empty(4), rows([owner], [root]))


def test_other_thresholds_leave_the_old_bank_alone():
    old = bank()
    new = old.with_thresholds({"stop": 0.9})
    np.testing.assert_allclose(new.thresholds, [0.3, 0.4, 0.9])
    np.testing.assert_allclose(old.thresholds, [0.3, 0.4, 0.3])
    assert new.crop is old.crop
