"""Which locations learn which object."""

import torch

from drivemeta.models.assignment import MAX_POSITIVES, MIN_POSITIVES, assign, pairwise_iou, prior
from drivemeta.models.level1 import grid

SIZE = (128, 192)
CENTRES, STRIDES = grid(*SIZE, 510)
NONE = torch.zeros(0, 4)


def run(objects: torch.Tensor, ignore: torch.Tensor = NONE):
    """Assign with poor predictions: boxes of one stride about each location."""
    half = STRIDES[:, None] * 1.5
    boxes = torch.cat([CENTRES - half, CENTRES + half], 1)
    scores = torch.full((len(boxes), len(objects)), 0.1)
    return assign(boxes, scores, CENTRES, STRIDES, objects, ignore)


def test_every_object_gets_some_locations_and_not_too_many():
    objects = torch.tensor([[10.0, 10, 15, 15], [60, 20, 100, 60], [0, 0, 190, 120]])
    found = run(objects)
    counts = torch.bincount(found.target[found.target >= 0], minlength=3)
    assert (counts >= 1).all()
    assert (counts <= MAX_POSITIVES).all()
    assert counts.sum() >= MIN_POSITIVES


def test_positives_lie_at_their_object():
    found = run(torch.tensor([[60.0, 20, 100, 60]]))
    at = CENTRES[found.target == 0]
    assert ((at > torch.tensor([40.0, 0])) & (at < torch.tensor([120.0, 80]))).all()


def test_small_objects_are_learnt_at_the_finest_stride():
    found = run(torch.tensor([[50.0, 50, 56, 56]]))
    assert (STRIDES[found.target == 0] == 8).all()


def test_stride_4_takes_the_smallest_objects_and_leaves_the_next_to_stride_8():
    centres, strides = grid(*SIZE, 2046)
    objects = torch.tensor([[50.0, 50, 58, 58], [50, 50, 76, 76]])
    weights = prior(centres, strides, objects)
    assert strides[weights.argmax(0)].tolist() == [4, 8]


def test_large_objects_are_learnt_at_a_coarse_stride():
    found = run(torch.tensor([[0.0, 0, 190, 126]]))
    assert (STRIDES[found.target == 0] >= 32).all()


def test_quality_is_the_overlap_and_zero_on_the_background():
    found = run(torch.tensor([[60.0, 20, 100, 60]]))
    assert (found.quality[found.target < 0] == 0).all()
    positives = found.quality[found.target >= 0]
    assert (positives >= 0.1).all()
    assert (positives <= 1).all()


def test_nothing_to_learn_is_all_background():
    found = run(NONE)
    assert (found.target == -1).all()
    assert not found.ignored.any()


def test_ignored_regions_leave_objects_alone():
    objects = torch.tensor([[60.0, 20, 100, 60]])
    found = run(objects, torch.tensor([[0.0, 0, 192, 128]]))
    assert torch.equal(found.ignored, found.target < 0)


def test_prior_is_highest_at_the_centre():
    weights = prior(CENTRES, STRIDES, torch.tensor([[40.0, 40, 64, 64]]))
    assert (weights >= 0).all()
    assert (weights <= 1).all()
    best = CENTRES[weights[:, 0].argmax()]
    assert (best - torch.tensor([52.0, 52])).abs().max() <= 4


def test_pairwise_iou_of_empty_boxes_is_zero():
    assert pairwise_iou(torch.zeros(2, 4), torch.zeros(1, 4)).tolist() == [[0], [0]]
