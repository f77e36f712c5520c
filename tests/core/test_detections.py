"""Detections and tracks: what is refused, selected and converted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivemeta.core import UNTRACKED, Detections, Tracks

CLASSES = ("vehicle", "stop", "yield")


def detections(n: int, seed: int = 0) -> Detections:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 500, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 200, (n, 2))], 1)
    return Detections(
        boxes.astype(np.float32),
        rng.random(n).astype(np.float32),
        rng.integers(0, len(CLASSES), n),
        CLASSES,
    )


def test_empty_has_no_rows():
    empty = Detections.empty(CLASSES)
    assert len(empty) == 0
    assert empty.names == []
    assert empty.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("boxes", np.zeros((2, 5), np.float32), r"boxes must be \(2, 4\) float32.*\(2, 5\)"),
        ("boxes", np.zeros((2, 4)), "found .* float64"),
        ("labels", np.zeros(2, np.int32), "labels must be .* int64"),
        ("labels", np.array([0, 3]), r"must lie in 0..2, found 0..3"),
        ("labels", np.array([-1, 0]), "found -1..0"),
        ("boxes", np.full((2, 4), np.nan, np.float32), "not finite"),
        ("scores", np.array([np.inf, 0], np.float32), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_found(field, value, message):
    fields = dict(vars(detections(2))) | {field: value}
    with pytest.raises(ValueError, match=message):
        Detections(**fields)


@given(st.integers(0, 20), st.integers(0, 1000), st.data())
def test_selecting_keeps_rows_together(n, seed, data):
    found = detections(n, seed)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    some = found[mask]
    np.testing.assert_array_equal(some.boxes, found.boxes[mask])
    np.testing.assert_array_equal(found[np.flatnonzero(mask)].scores, some.scores)
    assert some.names == [name for name, chosen in zip(found.names, mask, strict=True) if chosen]
    assert some.classes == found.classes


def test_converts_to_supervision_and_back():
    found = detections(5)
    view = found.to_supervision()
    assert view.data["class_name"].tolist() == found.names
    back = Detections.from_supervision(view, CLASSES)
    np.testing.assert_array_equal(back.boxes, found.boxes)
    np.testing.assert_array_equal(back.scores, found.scores)
    np.testing.assert_array_equal(back.labels, found.labels)


def test_no_detections_convert_to_supervision_and_back():
    back = Detections.from_supervision(Detections.empty(CLASSES).to_supervision(), CLASSES)
    assert len(back) == 0


def test_untracked_have_no_identity():
    tracks = Tracks.untracked(detections(3))
    assert tracks.ids.tolist() == [UNTRACKED] * 3


def test_tracks_select_identities_with_their_rows():
    tracks = Tracks(detections(3), np.array([7, 8, 9]))[np.array([2, 0])]
    assert tracks.ids.tolist() == [9, 7]
    np.testing.assert_array_equal(tracks.detections.boxes, detections(3).boxes[[2, 0]])


@pytest.mark.parametrize("ids", [np.zeros(2, np.int64), np.zeros(3, np.int32)])
def test_identities_that_do_not_fit_are_refused(ids):
    with pytest.raises(ValueError, match=r"Tracks.ids must be \(3,\) int64"):
        Tracks(detections(3), ids)
