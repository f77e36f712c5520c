"""Prototypes of a class from few shots, from many, and from shots of which one is wrong."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.registry import default_registry

AXES = torch.eye(8)


def shots(n: int, axis: int = 0) -> Tensor:
    """Return `n` unit vectors near one axis."""
    noise = 0.15 * torch.randn(n, 8, generator=torch.Generator().manual_seed(10 + axis))
    return F.normalize(noise + AXES[axis], dim=-1)


def prototypes_of(given: Tensor) -> Tensor:
    """Return the rows that the learner makes of one class, whose shots are given embedded."""
    n = len(given)
    support = LabelledImages(
        given, torch.zeros(n, dtype=torch.int64), torch.arange(n), ("a",), torch.zeros(0, 8)
    )
    learner = default_registry().create("learner", "protonet")
    return torch.from_numpy(learner.fit(nn.Identity(), support).as_bank().weights)


@pytest.mark.parametrize("n", [2, 5, 6])
def test_few_shots_give_one_prototype_near_their_mean(n):
    given = shots(n)
    (row,) = prototypes_of(given)
    torch.testing.assert_close(row.norm(), torch.tensor(1.0))
    assert row @ F.normalize(given.mean(0), dim=-1) > 0.99


def test_a_shot_counts_less_the_less_it_agrees():
    odd = F.normalize(AXES[0] + 1.2 * AXES[5], dim=-1)
    given = torch.cat([shots(4), odd[None]])
    (row,) = prototypes_of(given)
    assert 0 < row @ AXES[5] < F.normalize(given.mean(0), dim=-1) @ AXES[5]


def test_one_shot_is_its_own_prototype():
    torch.testing.assert_close(prototypes_of(shots(1)), shots(1))


@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_shot_unlike_all_others_is_no_prototype(n):
    rows = prototypes_of(torch.cat([shots(n - 1), AXES[5:6]]))
    assert (rows @ AXES[5]).max() < 0.5
    assert (rows @ AXES[0]).min() > 0.8


def test_many_shots_of_two_kinds_give_a_prototype_each():
    rows = prototypes_of(torch.cat([shots(6, 0), shots(6, 1)]))
    assert len(rows) == 2
    assert {int(row.argmax()) for row in rows} == {0, 1}


def test_shots_that_all_disagree_count_alike():
    (row,) = prototypes_of(AXES[:4])
    torch.testing.assert_close(row[:4], torch.full((4,), 0.5))
