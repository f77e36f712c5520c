"""Labels are whole and in the frame, from 360p to 4K."""

import numpy as np
import pytest

from drivemeta.core import Detections, Tracks
from drivemeta.plugins.sink.render import PALETTE, draw


def label_pixels(size: tuple[int, int], box: tuple[float, ...]) -> np.ndarray:
    """Return where the label's ground is, of a box given in parts of the frame."""
    height, width = size
    boxes = np.array([box], np.float32) * [width, height, width, height]
    labels = np.zeros(1, np.int64)
    found = Detections(
        boxes.astype(np.float32), np.array([0.5], np.float32), labels, ("traffic_sign",)
    )
    image = np.full((*size, 3), 90, np.uint8)
    drawn = draw(image, Tracks(found, np.array([104])))
    ground = (drawn == PALETTE.by_idx(0).as_bgr()).all(2)
    rows = np.flatnonzero(ground.sum(1) > 0.1 * width)  # a label is wider than the thin box
    return np.argwhere(ground[rows.min() : rows.max() + 1])


@pytest.mark.parametrize("size", [(360, 640), (720, 1280), (2160, 3840)])
def test_a_label_is_whole_wherever_its_box_is(size):
    middle = label_pixels(size, (0.5, 0.5, 0.52, 0.6))
    wanted = np.ptp(middle, axis=0)
    assert 0.015 < wanted[0] / size[0] < 0.06
    for box in ((0.97, 0.0, 1.0, 0.1), (0.0, 0.0, 0.02, 0.1), (0.97, 0.9, 1.0, 1.0)):
        np.testing.assert_allclose(np.ptp(label_pixels(size, box), axis=0), wanted, atol=6)


def test_the_frame_itself_stays_as_it_is():
    image = np.full((90, 160, 3), 50, np.uint8)
    before = image.copy()
    draw(image, Tracks.untracked(Detections.empty(("a",))))
    np.testing.assert_array_equal(image, before)
