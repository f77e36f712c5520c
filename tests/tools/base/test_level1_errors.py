"""Misses are sorted by what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.data.dataset import AnnotatedImage, Dataset
from tools.base.level1_errors import BACKGROUND, KINDS, OTHER, errors_of

NAMES = ("vehicle", "pedestrian")
CAR, PERSON = (100, 100, 200, 180), (300, 100, 320, 160)
FOUND = (  # of vehicles, best first
    ((10, 10, 60, 60), 0.95, "background"),
    (CAR, 0.9, "hit"),
    ((102, 100, 200, 180), 0.8, "duplicate"),
    ((150, 100, 300, 180), 0.7, "badly placed"),
    (PERSON, 0.5, "another class"),
)


@pytest.fixture
def errors():
    """Return the errors on vehicles of one image."""
    image = AnnotatedImage(
        Path("a.png"),
        (480, 640),
        np.array([CAR, PERSON], np.float32),
        np.array([0, 1]),
        np.zeros(2, bool),
    )
    order = [3, 0, 4, 2, 1]  # however they come
    found = Detections(
        np.array([FOUND[i][0] for i in order], np.float32),
        np.array([FOUND[i][1] for i in order], np.float32),
        np.zeros(len(FOUND), np.int64),
        NAMES,
    )
    return errors_of(Dataset((image,), NAMES), [found], 0)


def test_each_miss_is_of_its_kind(errors):
    names = ["hit" if kind < 0 else KINDS[kind] for kind in errors.kinds]
    assert names == [kind for _, _, kind in FOUND]


def test_a_box_that_is_found_counts_by_its_height(errors):
    assert errors.heights.tolist() == [80]
    assert errors.found.tolist() == [True]


def test_without_a_kind_average_precision_is_what_it_would_be(errors):
    assert errors.strict.average_precision() == pytest.approx(0.5)
    assert errors.without(OTHER) == pytest.approx(0.5)
    assert errors.without(BACKGROUND) == pytest.approx(1)
