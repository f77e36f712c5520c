"""Changes of light and sharpness keep type, shape and place."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivemeta.training.photometric import degrade, jitter_colours, simulate_distance

CHANGES = {
    "colours": jitter_colours,
    "degrade": lambda image, rng: degrade(image, rng, chance=1.0),
    "distance": simulate_distance,
}


@pytest.mark.parametrize("name", CHANGES)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 10**6))
def test_type_and_shape_stay(name, height, width, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = image.copy()
    changed = CHANGES[name](image, rng)
    assert changed.shape == image.shape
    assert changed.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_seed_gives_the_same_image(name):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    one, two = (CHANGES[name](image, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", CHANGES)
def test_objects_stay_where_they_are(name):
    image = np.full((64, 64, 3), 40, np.uint8)
    cv2.circle(image, (20, 44), 9, (220, 220, 220), -1)
    weights = CHANGES[name](image, np.random.default_rng(1)).astype(float).sum(2)
    weights = np.maximum(weights - np.median(weights) * 1.5, 0)
    ys, xs = np.indices(weights.shape)
    middle = (weights * xs).sum() / weights.sum(), (weights * ys).sum() / weights.sum()
    assert middle == pytest.approx((20, 44), abs=2)


def test_what_is_small_already_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (9, 30, 3), dtype=np.uint8)
    assert simulate_distance(image, np.random.default_rng(0)) is image
