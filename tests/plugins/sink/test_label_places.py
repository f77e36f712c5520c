"""Labels lie on no other label and hide no other object; the surest and largest have one first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drivemeta.core import Detections
from drivemeta.plugins.sink.label_places import MOST_HIDDEN, place_labels

FRAME = (640, 360)


def found(boxes: list[tuple[int, ...]], scores: list[float]) -> Detections:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    labels = np.zeros(len(rows), np.int64)
    return Detections(rows, np.array(scores, np.float32), labels, ("vehicle",))


def test_a_label_stands_above_its_box_else_below_else_inside():
    size = [(60, 16)]
    assert place_labels(found([(100, 100, 150, 140)], [0.9]), size, FRAME) == [(100, 84)]
    assert place_labels(found([(100, 5, 150, 140)], [0.9]), size, FRAME) == [(100, 140)]
    assert place_labels(found([(100, 5, 150, 355)], [0.9]), size, FRAME) == [(100, 5)]


def test_of_two_objects_on_one_place_the_larger_has_the_label_nearest():
    boxes = [(100, 100, 110, 110), (100, 100, 200, 200)]
    small, large = place_labels(found(boxes, [0.9, 0.8]), [(60, 16)] * 2, FRAME)
    assert large == (100, 84)
    assert small == (100, 110)


def test_a_label_without_room_is_left_out():
    assert place_labels(found([(0, 0, 9, 9)], [0.9]), [(60, 400)], FRAME) == [None]
    crowd = found([(100, 100, 160, 340)] * 5, [0.9] * 5)
    places = place_labels(crowd, [(60, 16)] * 5, FRAME)
    assert [place is not None for place in places] == [True, True, True, False, False]


def corners(span: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, span - 2), st.integers(2, span // 2)).map(
        lambda pair: (pair[0], min(span, pair[0] + pair[1]))
    )


BOXES = st.lists(st.tuples(corners(FRAME[0]), corners(FRAME[1])), min_size=1, max_size=12)


@given(BOXES)
def test_labels_are_in_the_frame_apart_and_hide_nothing_for_the_most_part(spans):
    boxes = [(x[0], y[0], x[1], y[1]) for x, y in spans]
    size = (70, 18)
    places = place_labels(found(boxes, [0.5] * len(boxes)), [size] * len(boxes), FRAME)
    shown = [(i, place) for i, place in enumerate(places) if place is not None]
    for i, (x, y) in shown:
        assert 0 <= x <= FRAME[0] - size[0]
        assert 0 <= y <= FRAME[1] - size[1]
        for j, (other_x, other_y) in shown:
            assert i == j or abs(x - other_x) >= size[0] or abs(y - other_y) >= size[1]
        for j, (x1, y1, x2, y2) in enumerate(boxes):
            wide = min(x + size[0], x2) - max(x, x1)
            high = min(y + size[1], y2) - max(y, y1)
            hidden = max(0, wide) * max(0, high)
            assert i == j or hidden <= MOST_HIDDEN * (x2 - x1) * (y2 - y1)
