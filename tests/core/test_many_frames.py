"""The rules of one frame, over many at once."""

import numpy as np
import pytest

from drivemeta.core import BankRows
from drivemeta.core.boxes import iou_matrix
from drivemeta.core.many_frames import (
    alone_by_frame,
    alone_of_pairs,
    crops_by_frame,
    crowded_pairs,
)
from drivemeta.core.one_object import stands_alone
from drivemeta.core.score_rule import Located, choose_crops


@pytest.fixture(params=range(6))
def scene(request):
    """Frames, boxes, scores, labels, super-classes, and which labels are flat, of 90 boxes."""
    rng, n = np.random.default_rng(request.param), 90
    frames = np.sort(rng.integers(0, 12, n))
    corners = rng.integers(0, 3, (n, 2)) * 2.0
    boxes = np.hstack([corners, corners + rng.integers(9, 12, (n, 2))]).astype(np.float32)
    scores, roots = rng.uniform(0, 1, n).astype(np.float32), rng.integers(0, 5, n)
    labels = np.where(rng.uniform(size=n) < 0.5, roots, 5)
    return frames, boxes, scores, labels, roots, np.arange(6) % 5 >= 3


def test_one_object_is_told_once_as_the_rule_of_a_frame_says(scene):
    frames, *seen, flat = scene
    alone = alone_by_frame(frames, *seen, flat, 0.7)
    for frame in range(12):
        mine = frames == frame
        expected = stands_alone(*(part[mine] for part in seen), flat, 0.7)
        np.testing.assert_array_equal(alone[mine], expected)
    assert 0 < alone.sum() < len(frames)
    assert alone_by_frame(frames, *seen, flat, 1.0).all()


@pytest.mark.parametrize("iou_threshold", [0.0, 0.3, 0.7])
def test_the_pairs_are_all_that_overlap_so(scene, iou_threshold):
    frames, boxes, _, _, roots, _ = scene
    boxes = boxes - 4  # some begin to the left of the frame
    pairs = crowded_pairs(frames, boxes, roots, iou_threshold)
    expected = (frames[:, None] == frames[None]) & (roots[:, None] != roots[None])
    expected &= np.triu(iou_matrix(boxes, boxes) > iou_threshold)
    assert sorted(pairs.tolist()) == np.argwhere(expected).tolist()
    assert len(pairs)
    assert not len(crowded_pairs(frames[:0], boxes[:0], roots[:0], iou_threshold))


def test_what_is_not_reported_hides_nothing_and_is_hidden(scene):
    frames, boxes, scores, labels, roots, flat = scene
    told = np.random.default_rng(1).uniform(size=len(frames)) < 0.6
    scores = scores.round(1)  # of equal ones the first is the better
    pairs = crowded_pairs(frames, boxes, roots, 0.7)
    alone = alone_of_pairs(pairs, scores, labels, roots, flat, told)
    for each in range(len(frames)):
        mine = (frames == frames[each]) & told
        mine[each] = True  # with all that is reported, and alone with it
        parts = (part[mine] for part in (boxes, scores, labels, roots))
        expected = stands_alone(*parts, flat, 0.7)
        assert alone[each] == expected[np.flatnonzero(mine) == each].item()
    assert 0 < alone[~told].sum() < (~told).sum()


@pytest.mark.parametrize("owners", [(2,), (2, 3), (0, 1, 2, 3, 4)])
def test_the_crops_are_those_of_the_rule_of_a_frame(owners):
    rng, n = np.random.default_rng(len(owners)), 400
    frames = np.sort(rng.integers(3, 9, n))
    scores = rng.uniform(0, 1, n).astype(np.float32)
    order = np.lexsort((-scores, frames))
    scores, roots = scores[order], rng.choice(5, n, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    rows = BankRows(
        np.zeros((len(owners), 4), np.float32),
        np.zeros(len(owners), np.float32),
        *[np.array(owners, np.int64)] * 2,
    )
    owning = np.isin(np.arange(5), owners)
    chosen = crops_by_frame(frames, scores, roots, owning, 16)
    for frame in np.unique(frames):
        mine = frames == frame
        located = Located(
            np.zeros((mine.sum(), 4), np.float32), scores[mine], roots[mine], roots[mine], roots
        )
        expected = np.isin(np.arange(mine.sum()), choose_crops(located, rows, owning, 16))
        np.testing.assert_array_equal(chosen[mine], expected)
