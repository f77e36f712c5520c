"""Frozen first blocks give what the whole backbone gives, and no longer learn."""

import pytest
import torch

from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.traced.frozen import FrozenTrunk


@pytest.mark.parametrize("n_blocks", [1, 3, 5])
def test_features_are_those_of_the_whole_backbone(n_blocks):
    torch.manual_seed(0)
    backbone = EfficientNetLite0(taps=(2, 4, 10)).eval()
    images = torch.rand(2, 3, 64, 96)
    expected = backbone(images)
    trunk = FrozenTrunk(backbone, n_blocks, (64, 96), n_threads=1)
    found = trunk.features(images)
    assert [tuple(x.shape) for x in found] == [tuple(x.shape) for x in expected]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_only_the_later_blocks_learn():
    backbone = EfficientNetLite0(taps=(4, 10))
    trunk = FrozenTrunk(backbone, 3, (64, 64), n_threads=1)
    sum(x.sum() for x in trunk.features(torch.rand(1, 3, 64, 64))).backward()
    learns = [p.grad is not None for p in backbone.blocks[3].parameters()]
    assert all(learns)
    frozen = [*backbone.stem.parameters(), *backbone.blocks[:3].parameters()]
    assert all(p.grad is None and not p.requires_grad for p in frozen)
