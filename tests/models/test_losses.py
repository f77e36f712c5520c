"""Losses against their closed forms."""

import math

import pytest
import torch

from drivemeta.models.losses import giou_loss, log_size_loss, quality_focal_loss


def test_quality_focal_loss_is_its_formula():
    logit, target = 0.7, 0.25
    p = 1 / (1 + math.exp(-logit))
    entropy = -target * math.log(p) - (1 - target) * math.log(1 - p)
    found = quality_focal_loss(torch.tensor([logit]), torch.tensor([target]), torch.ones(1))
    assert float(found) == pytest.approx(entropy * (p - target) ** 2, rel=1e-5)


def test_quality_focal_loss_is_zero_where_nothing_is_known():
    logits = torch.randn(5, requires_grad=True)
    quality_focal_loss(logits, torch.zeros(5), torch.zeros(5)).backward()
    assert torch.equal(logits.grad, torch.zeros(5))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.0, 0, 2, 2), 0.0),  # the same
        ((1.0, 0, 3, 2), 1 - 1 / 3),  # half shared, the hull is the union
        ((4.0, 0, 6, 2), 1 + (12 - 8) / 12),  # apart
        ((1.0, 1, 3, 3), 1 - 1 / 7 + 2 / 9),  # a corner shared
    ],
)
def test_giou_loss_is_its_formula(box, expected):
    found = giou_loss(torch.tensor([box]), torch.tensor([[0.0, 0, 2, 2]]))
    assert found.tolist() == pytest.approx([expected], abs=1e-6)


def test_giou_pulls_boxes_that_are_apart():
    box = torch.tensor([[4.0, 0, 6, 2]], requires_grad=True)
    giou_loss(box, torch.tensor([[0.0, 0, 2, 2]])).sum().backward()
    assert box.grad[0, 0] > 0


def test_log_size_loss_is_its_formula():
    found = log_size_loss(torch.tensor([[0.0, 0, 4, 8]]), torch.tensor([[9.0, 9, 11, 11]]))
    assert found.tolist() == pytest.approx([(math.log(2) + math.log(4)) / 2])


def test_log_size_loss_bears_boxes_without_size():
    assert torch.isfinite(log_size_loss(torch.zeros(1, 4), torch.zeros(1, 4))).all()
