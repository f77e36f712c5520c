"""Boxes against slow, plain definitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drivemeta.core.boxes import (
    box_area,
    clip_boxes,
    iou_matrix,
    nms,
    vote,
    xywh_to_xyxy,
    xyxy_to_xywh,
)

coordinates = st.floats(-100, 2000, width=32).map(lambda x: round(x * 4) / 4)


@st.composite
def boxes(draw, least: int = 0, most: int = 12) -> np.ndarray:
    """Draw (n, 4) float32 xyxy boxes with corners in order."""
    n = draw(st.integers(least, most))
    corners = draw(hnp.arrays(np.float32, (n, 2, 2), elements=coordinates))
    return np.concatenate([corners.min(1), corners.max(1)], 1)


def iou_of(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return float(width * height / union) if union > 0 else 0.0


@given(boxes())
def test_layouts_convert_there_and_back(xyxy):
    there = xyxy_to_xywh(xyxy)
    assert there.dtype == np.float32
    np.testing.assert_array_equal(xywh_to_xyxy(there), xyxy)


@given(boxes(), boxes())
def test_iou_is_what_its_definition_says(a, b):
    found = iou_matrix(a, b)
    assert found.shape == (len(a), len(b))
    expected = [[iou_of(p.astype(float), q.astype(float)) for q in b] for p in a]
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), atol=1e-5)
    np.testing.assert_allclose(found.T, iou_matrix(b, a), atol=1e-6)


@given(boxes(least=1))
def test_iou_with_itself_is_one_where_there_is_an_area(a):
    own = np.diag(iou_matrix(a, a))
    np.testing.assert_allclose(own, (box_area(a) > 0).astype(float), atol=1e-6)


def test_inverted_boxes_have_no_area():
    assert box_area(np.array([[5, 5, 1, 9]], np.float32)).tolist() == [0]


@given(boxes(), st.integers(1, 1080), st.integers(1, 1920))
def test_clipped_boxes_lie_in_the_image(xyxy, height, width):
    clipped = clip_boxes(xyxy, height, width)
    assert clipped.dtype == np.float32
    assert (clipped >= 0).all()
    assert (clipped[:, [0, 2]] <= width).all()
    assert (clipped[:, [1, 3]] <= height).all()
    np.testing.assert_array_equal(clip_boxes(clipped, height, width), clipped)


@given(boxes(most=20), st.data())
def test_nms_keeps_the_best_and_only_what_does_not_overlap_it(xyxy, data):
    n = len(xyxy)
    scores = data.draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32)))
    groups = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 2)))
    kept = nms(xyxy, scores, groups, 0.6)
    assert (np.diff(scores[kept]) <= 0).all()
    overlaps = iou_matrix(xyxy, xyxy)
    for i in range(n):
        rivals = [j for j in kept if groups[j] == groups[i] and overlaps[i, j] > 0.6 and j != i]
        if i in kept:
            assert not rivals
        else:
            assert any(scores[j] >= scores[i] for j in rivals)


def test_nms_breaks_ties_by_the_lower_index():
    same = np.tile(np.array([[0, 0, 10, 10]], np.float32), (3, 1))
    kept = nms(same, np.full(3, 0.5, np.float32), np.array([0, 0, 1]))
    assert kept.tolist() == [0, 2]


def test_nms_of_nothing_is_nothing():
    none = np.zeros((0, 4), np.float32)
    assert nms(none, none[:, 0], np.zeros(0, np.int64)).tolist() == []


@given(boxes(most=20), st.data())
def test_votes_keep_a_box_among_those_that_overlap_it(xyxy, data):
    xyxy = xyxy[((xyxy[:, 2:] - xyxy[:, :2]) >= 1).all(1)]
    n = len(xyxy)
    scores = data.draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32)))
    groups = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 2)))
    kept = nms(xyxy, scores, groups, 0.5)
    placed = vote(xyxy, scores, groups, kept, 0.5)
    assert (placed.shape, placed.dtype) == ((len(kept), 4), np.float32)
    for i, place in zip(kept, placed, strict=True):
        voters = (iou_matrix(xyxy[[i]], xyxy)[0] > 0.5) & (groups == groups[i])
        slack = 1e-3 * np.abs(xyxy[voters]).max()
        assert (place >= xyxy[voters].min(0) - slack).all()
        assert (place <= xyxy[voters].max(0) + slack).all()


def test_a_vote_counts_by_score_and_by_overlap():
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 5], [0, 0, 10, 8]], np.float32)
    scores = np.array([0.8, 0.4, 0.7, 0.4], np.float32)
    groups = np.array([0, 0, 0, 1])
    (placed,) = vote(xyxy, scores, groups, np.array([0]), 0.5)
    by_hand = (0.8 * 0.5 * 10 + 0.4 * 0.3 * 8) / (0.8 * 0.5 + 0.4 * 0.3)
    np.testing.assert_allclose(placed, [0, 0, 10, by_hand], rtol=1e-4)
