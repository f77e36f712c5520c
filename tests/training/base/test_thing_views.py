"""Views of things: their size, that they show the thing, and that they vary."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drivemeta.models.things import THING_CROP_SIZE
from drivemeta.training.base.thing_crops import Thing
from drivemeta.training.base.thing_views import clean_view, varied_view, views_to_tensor


@pytest.fixture
def thing() -> Thing:
    """A bright thing, red on its left, in dark surroundings."""
    image = np.zeros((80, 100, 3), np.uint8)
    image[20:60, 30:70] = 220
    image[20:60, 30:50] = (220, 0, 0)
    return Thing(image, np.array([30, 20, 70, 60], np.float32), "a", "g", "s")


def test_the_clean_view_shows_the_thing_with_its_context(thing: Thing) -> None:
    seen = clean_view(thing)
    assert seen.shape == (3, THING_CROP_SIZE, THING_CROP_SIZE)
    assert seen[:, 0, 0].max() == 0
    middle = seen[:, THING_CROP_SIZE // 2]
    torch.testing.assert_close(middle[:, 30], torch.tensor([220 / 255, 0.0, 0.0]))
    torch.testing.assert_close(middle[:, 80], torch.full((3,), 220 / 255))


def test_views_vary_are_mirrored_and_can_be_told_again(thing: Thing) -> None:
    views = [varied_view(thing, np.random.default_rng(seed)) for seed in range(40)]
    assert all(view.shape == (THING_CROP_SIZE, THING_CROP_SIZE, 3) for view in views)
    again = varied_view(thing, np.random.default_rng(3))
    assert np.array_equal(views[3], again)
    redder_left = [
        (view[40:70, 20:45, 0].astype(int) - view[40:70, 20:45, 1]).mean()
        > (view[40:70, 70:95, 0].astype(int) - view[40:70, 70:95, 1]).mean()
        for view in views
    ]
    assert 8 < sum(redder_left) < 32
    brightness = [view.mean() for view in views]
    assert np.std(brightness) > 10


def test_views_become_a_batch(thing: Thing) -> None:
    view = varied_view(thing, np.random.default_rng(0))
    batch = views_to_tensor([view, view])
    assert batch.shape == (2, 3, THING_CROP_SIZE, THING_CROP_SIZE)
    assert float(batch[0, 1, 5, 7]) == pytest.approx(view[5, 7, 1] / 255)
