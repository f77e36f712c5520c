"""Posteriors and thresholds against plain arithmetic."""

import numpy as np
import pytest

from drivemeta.core import DISTRACTOR, BankRows
from drivemeta.learn.calibration import GREATEST, LEAST, leaf_posteriors, threshold


def rows() -> BankRows:
    """Return two rows of class 1, one of class 2, a distractor, and one of another root."""
    weights = np.eye(5, dtype=np.float32)
    owners = np.array([1, 1, 2, DISTRACTOR, 4], np.int64)
    return BankRows(weights, np.zeros(5, np.float32), owners, np.array([0, 0, 0, 0, 3], np.int64))


def test_posteriors_are_a_softmax_over_the_rows_of_one_root():
    found = leaf_posteriors(np.eye(5, dtype=np.float32)[[0, 3]], rows(), 0, 5, scale=2.0)
    high, low = np.e**2 / (np.e**2 + 3), 1 / (np.e**2 + 3)
    expected = [[0, high + low, low, 0, 0], [0, 2 * low, low, 0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_root_without_rows_names_nothing():
    found = leaf_posteriors(np.eye(5, dtype=np.float32), rows(), 2, 5, scale=2.0)
    assert found.shape == (5, 5)
    assert not found.any()


def test_a_threshold_lies_between_background_and_positives():
    positives, negatives = np.array([0.6, 0.7, 0.8]), np.array([0.01, 0.1, 0.2])
    found = threshold(positives.astype(np.float32), negatives.astype(np.float32))
    assert 0.2 < found < 0.65


@pytest.mark.parametrize("positives", [[], [0.0], [1.0, 1.0]])
@pytest.mark.parametrize("negatives", [[], [0.0], [1.0]])
def test_a_threshold_is_always_usable(positives, negatives):
    found = threshold(np.array(positives, np.float32), np.array(negatives, np.float32))
    assert LEAST <= found <= GREATEST
