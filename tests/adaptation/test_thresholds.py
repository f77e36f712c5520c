"""Thresholds against plain arithmetic."""

import numpy as np
import pytest

from drivemeta.adaptation.thresholds import GREATEST, LEAST, threshold


def test_a_threshold_lies_between_background_and_positives():
    positives, negatives = np.array([0.6, 0.7, 0.8]), np.array([0.01, 0.1, 0.2])
    found = threshold(positives.astype(np.float32), negatives.astype(np.float32))
    assert 0.2 < found < 0.65


@pytest.mark.parametrize("positives", [[], [0.0], [1.0, 1.0]])
@pytest.mark.parametrize("negatives", [[], [0.0], [1.0]])
def test_a_threshold_is_always_usable(positives, negatives):
    found = threshold(np.array(positives, np.float32), np.array(negatives, np.float32))
    assert LEAST <= found <= GREATEST


def test_a_threshold_is_the_geometric_mean_of_two_quantiles():
    positives, negatives = np.linspace(0, 1, 101), np.linspace(0, 0.5, 101)
    found = threshold(positives.astype(np.float32), negatives.astype(np.float32))
    # A quarter of the positives scores below 0.25, two in a hundred negatives above 0.49.
    assert found == pytest.approx((0.25 * 0.49) ** 0.5, abs=1e-6)


def test_two_false_alarms_in_a_hundred_are_borne():
    few, more = (np.array([0.01] * (100 - n) + [0.8] * n, np.float32) for n in (2, 4))
    positives = np.array([0.9], np.float32)
    assert threshold(positives, few) < 0.5 < threshold(positives, more)
