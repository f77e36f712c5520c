"""Networks on ONNX Runtime in the place of those of torch."""

from __future__ import annotations

import copy

import torch

from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from tools.fewshot.networks import OnnxLevel2


def test_level2_runs_on_onnx_until_it_is_copied_or_trained(
    lively_detector: TwoLevelDetector,
) -> None:
    crops = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    fast = OnnxLevel2(lively_detector.level2)
    expected = lively_detector.level2(crops)
    assert torch.allclose(fast(crops), expected, atol=1e-5)
    assert fast(crops).requires_grad
    with torch.no_grad():
        assert torch.allclose(fast(crops), expected, atol=1e-5)
        other = {name: value * 0.5 for name, value in fast.named_parameters()}
        swapped = torch.func.functional_call(fast, other, (crops,))
        assert not torch.allclose(swapped, expected, atol=1e-2)
    copied = copy.deepcopy(fast)
    assert type(copied) is Level2
    assert torch.allclose(copied(crops), expected, atol=1e-6)
