"""Rows of level 1 for a new kind of object: imprinted, then moved by gradient steps."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from drivemeta.adaptation.dense_rows import (
    Locations,
    bias_of,
    embed_locations,
    learn_dense,
    stepped,
)
from drivemeta.adaptation.observation import observe


def places(seed=0, dim=16):
    """A class whose places share one direction with its background, and have one of their own."""
    random = torch.Generator().manual_seed(seed)
    own, common = F.normalize(torch.randn(2, dim, generator=random), dim=-1)

    def near(direction, n):
        return F.normalize(direction + 0.15 * torch.randn(n, dim, generator=random), dim=-1)

    found, hard = near(own + 2 * common, 12), near(common, 400)
    background = torch.cat([hard, near(-own, 2000)])
    shots = F.normalize(found.reshape(3, 4, dim).mean(1), dim=-1)
    return Locations(shots, found, background, torch.zeros(len(background)))


def every(n, found, first):
    """Return background and quality of every n-th place."""
    return found.background[first::n], found.quality[first::n]


def gap(row, found):
    """How far the nearest background lies behind the objects."""
    return float((found.places @ row).median() - torch.quantile(found.background @ row, 0.9995))


def test_steps_part_objects_from_the_background_that_looks_like_them():
    found = places()
    imprinted = F.normalize(found.shots.mean(0), dim=-1)
    row = stepped(imprinted, found, scale=20.0, n_steps=20)
    assert float(row.norm()) == pytest.approx(1, abs=1e-5)
    assert gap(row, found) > gap(imprinted, found)
    assert gap(stepped(row, found, 20.0, 20), places(0)) > gap(row, found)


def test_places_not_seen_gain_too():
    found, other = places(), places()
    held = Locations(found.shots[:2], found.places[:8], *every(2, found, 0))
    imprinted = F.normalize(held.shots.mean(0), dim=-1)
    rest = Locations(other.shots[2:], other.places[8:], *every(2, other, 1))
    assert gap(stepped(imprinted, held, 20.0, 20), rest) > gap(imprinted, rest)


def test_the_bias_lies_between_objects_and_background():
    found = places()
    row = F.normalize(found.shots.mean(0), dim=-1)
    bias = bias_of(row, found)
    assert torch.quantile(found.background @ row, 0.9995) < bias < (found.shots @ row).median()


def test_learning_leaves_the_base_as_it_was_and_repeats(lively_detector, make_support):
    evidence = observe(lively_detector, make_support(2, "rocks"))
    state = {key: value.clone() for key, value in lively_detector.state_dict().items()}
    (row, bias), (again, same) = (learn_dense(lively_detector, evidence, 0) for _ in range(2))
    assert row.dtype == np.float32
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(row, again)
    assert bias == same
    assert all(torch.equal(v, state[k]) for k, v in lively_detector.state_dict().items())
    imprinted, _ = learn_dense(lively_detector, evidence, 0, n_steps=0)
    assert not np.array_equal(row, imprinted)
    assert len(embed_locations(lively_detector, evidence, 0).places) == 2 * 4
