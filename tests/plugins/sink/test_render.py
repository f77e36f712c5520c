"""Labels are whole and in the frame, from 360p to 4K."""

import numpy as np
import pytest

from drivemeta.core import Detections, Tracks
from drivemeta.errors import InputError
from drivemeta.plugins.sink.class_colours import SUPER_CLASS_COLOURS
from drivemeta.plugins.sink.render import draw, label_parts


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
    ground = (drawn == SUPER_CLASS_COLOURS["traffic_sign"][::-1]).all(2)
    rows = np.flatnonzero(ground.sum(1) > 0.1 * width)  # a label is wider than the thin box
    return np.argwhere(ground[rows.min() : rows.max() + 1])


@pytest.mark.parametrize("size", [(360, 640), (720, 1280), (2160, 3840)])
def test_a_label_is_whole_wherever_its_box_is(size):
    middle = label_pixels(size, (0.5, 0.5, 0.52, 0.6))
    wanted = np.ptp(middle, axis=0)
    assert 0.015 < wanted[0] / size[0] < 0.06
    for box in ((0.97, 0.0, 1.0, 0.1), (0.0, 0.0, 0.02, 0.1), (0.97, 0.9, 1.0, 1.0)):
        np.testing.assert_allclose(np.ptp(label_pixels(size, box), axis=0), wanted, atol=6)


def drawn_as(parts: tuple[str, ...], name: str = "stop") -> np.ndarray:
    box = np.array([[100, 100, 300, 200]], np.float32)
    found = Detections(box, np.array([0.5], np.float32), np.zeros(1, np.int64), (name,))
    return draw(np.full((360, 640, 3), 90, np.uint8), Tracks(found, np.array([7])), parts)


def test_labels_say_what_is_asked_for():
    pictures = [drawn_as(p) for p in ((), ("name",), ("name", "id"), ("name", "score", "id"))]
    widths = [int((p[85:99] != 90).any(2).any(0).sum()) for p in pictures]
    assert widths[0] == 0
    assert widths == sorted(set(widths))
    assert label_parts("id, name") == ("id", "name")
    assert label_parts("none") == ()
    with pytest.raises(InputError, match=r"labels: expected none, or some of .*'nmae'"):
        label_parts("nmae")


def test_a_label_has_the_letters_of_its_class():
    assert len({drawn_as(("name",), name).tobytes() for name in ("停车", "让行", "Fußweg")}) == 3


def test_a_name_longer_than_the_frame_is_cut():
    assert drawn_as(("name",), "long_" * 60).shape == (360, 640, 3)


def test_the_frame_itself_stays_as_it_is():
    image = np.full((90, 160, 3), 50, np.uint8)
    before = image.copy()
    draw(image, Tracks.untracked(Detections.empty(("a",))))
    np.testing.assert_array_equal(image, before)
