"""What embeds things in the comparison."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from drivemeta.training.base.thing_crops import Thing
from tools.fewshot.thing_networks import Embedder, groups_of, shipped_level2


def striped(group: str = "g") -> Thing:
    """A thing of fine stripes that are gone when it is small."""
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, ::2] = 255
    return Thing(image, np.array([0, 0, 128, 128], np.float32), "a", group, "s")


def columns(crops: Tensor) -> Tensor:
    return crops[:, 0].mean(1)


def test_things_are_brought_to_one_size_first() -> None:
    embedder = Embedder("columns", columns, 128, 1.0)
    sharp, blurred = embedder([striped()], 128), embedder([striped()], 32)
    assert sharp.shape == (1, 128)
    assert np.linalg.norm(sharp, axis=1) == pytest.approx(1)
    assert sharp.std() > 10 * blurred.std()


def test_groups_of_two_sources_are_two() -> None:
    other = Thing(striped().image, striped().box, "a", "g", "t")
    assert groups_of([striped(), other]).tolist() == ["s/g", "t/g"]


def test_level2_gets_its_own_crops() -> None:
    torch.manual_seed(0)
    embedder = shipped_level2()
    assert (embedder.size, embedder([striped()], 64).shape) == (64, (1, 128))
