"""Frames refuse what is no image."""

import numpy as np
import pytest

from drivemeta.core import Frame


def test_size_is_height_and_width():
    assert Frame(np.zeros((4, 6, 3), np.uint8)).size == (4, 6)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((0, 6, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match=r"must be \(height, width, 3\) uint8 BGR, found"):
        Frame(image)


def test_a_negative_index_is_refused():
    with pytest.raises(ValueError, match="index must be 0 or more, found -1"):
        Frame(np.zeros((4, 6, 3), np.uint8), index=-1)
