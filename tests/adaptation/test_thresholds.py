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
