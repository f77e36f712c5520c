"""Networks on ONNX Runtime in the place of those of torch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from drivemeta.adaptation.observation import observe
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.export.graph.assemble import Networks
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.networks import level1_graph, level2_graph
from tests.helpers.detectors import build_detector
from tools.fewshot.networks import OnnxLevel2, RememberedNetworks, on_onnx_runtime, remembering


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


def test_adaptation_runs_the_networks_that_remember(
    lively_detector: TwoLevelDetector, make_support: Callable[..., SupportSet]
) -> None:
    support, base = make_support(2, "rocks"), on_onnx_runtime(lively_detector, None)
    plain = observe(lively_detector, support)
    with remembering():
        found = observe(base, support)
    assert isinstance(found.networks, RememberedNetworks)
    np.testing.assert_allclose(found.boxes.found, plain.boxes.found, atol=1e-4)
    np.testing.assert_allclose(found.boxes.embeddings, plain.boxes.embeddings, atol=1e-4)
    assert not isinstance(observe(base, support).networks, RememberedNetworks)


def test_a_crop_is_embedded_once_for_all_adaptations(
    lively_detector: TwoLevelDetector,
    make_support: Callable[..., SupportSet],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    support, base = make_support(2, "rocks"), on_onnx_runtime(lively_detector, None)
    embedded, embed = [], TwoLevelDetector.embed

    def counted(self: TwoLevelDetector, crops: torch.Tensor, *, things: bool) -> torch.Tensor:
        embedded.append(len(crops))
        return embed(self, crops, things=things)

    monkeypatch.setattr(TwoLevelDetector, "embed", counted)
    found, runs = [], []
    for _ in range(2):
        with remembering():
            found.append(observe(base, support).boxes.embeddings)
        runs.append(len(embedded))
    assert runs[0] == runs[1] > 0
    np.testing.assert_array_equal(*found)


def test_the_networks_given_run_in_the_place_of_its_own(lively_detector: TwoLevelDetector) -> None:
    own = lively_detector
    other = build_detector(5, width=16, input_size=own.input_size)
    graphs = Networks(level1_graph(other.level1, own.input_size), level2_graph(other.level2), 0)
    fast = on_onnx_runtime(own, None, graphs)
    images = torch.rand(1, 3, *own.input_size, generator=torch.Generator().manual_seed(0))
    crops = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for found, expected in zip(fast.level1(images), other.level1(images), strict=True):
            assert torch.allclose(found, expected, atol=1e-3)
        assert torch.allclose(fast.level2(crops), other.level2(crops), atol=1e-5)


def test_a_level2_with_a_branch_is_refused(lively_detector: TwoLevelDetector) -> None:
    other = lively_detector.with_(level2=torch.nn.Flatten())
    with pytest.raises(InputError, match="whose level 2 is a Level2, found Flatten"):
        on_onnx_runtime(other, None)
