"""The networks: shapes, norms, strides, and that their input's range is theirs to handle."""

import numpy as np
import pytest
import torch
from torch import nn

from drivemeta.core import SUPER_CLASSES
from drivemeta.core.scoring import Scoring
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import FINE_STRIDE, STRIDES, Level1, locations
from drivemeta.models.level2 import Level2
from tests.helpers.detectors import build_detector


@pytest.fixture(scope="module")
def detector():
    return build_detector(width=16, input_size=(128, 192))


def test_backbone_taps_have_their_strides_and_channels():
    maps = EfficientNetLite0().eval()(torch.rand(1, 3, 64, 128))
    assert [tuple(x.shape[1:]) for x in maps] == [(40, 8, 16), (112, 4, 8), (320, 2, 4)]


def test_backbone_builds_no_block_past_the_last_tap():
    assert len(EfficientNetLite0(taps=(10,)).blocks) == 11


@torch.no_grad()
def test_level1_predicts_at_every_location_of_every_stride(detector):
    height, width = 128, 192
    output = detector.level1(torch.rand(2, 3, height, width))
    n = sum((height // s) * (width // s) for s in STRIDES)
    assert output.boxes.shape == (2, n, 4)
    assert output.quality.shape == (2, n)
    assert output.embeddings.shape == (2, n, detector.level1.dim)
    norms = output.embeddings.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    assert (output.boxes[..., 2:] > output.boxes[..., :2]).all()


@torch.no_grad()
def test_a_head_of_stride_4_comes_first():
    level1 = Level1(8, 16, passthrough=True, fine_width=4).eval()
    output = level1(torch.rand(1, 3, 64, 128))
    n_fine = (64 // FINE_STRIDE) * (128 // FINE_STRIDE)
    assert output.boxes.shape == (1, n_fine + 128 + 32 + 8 + 2, 4)
    centres = locations(16, 32, FINE_STRIDE, torch.device("cpu"))
    boxes = output.boxes[0, :n_fine]
    assert (boxes[:, :2] < centres).all()
    assert (boxes[:, 2:] > centres).all()
    torch.testing.assert_close(output.embeddings.norm(dim=-1), torch.ones_like(output.quality))


@torch.no_grad()
def test_boxes_hold_their_locations(detector):
    boxes = detector.level1(torch.rand(1, 3, 64, 64)).boxes[0]
    cpu = torch.device("cpu")
    centres = torch.cat([locations(64 // s, 64 // s, s, cpu) for s in STRIDES])
    assert (boxes[:, :2] < centres).all()
    assert (boxes[:, 2:] > centres).all()


@torch.no_grad()
def test_images_of_a_batch_do_not_mix(detector):
    images = torch.rand(2, 3, 64, 64)
    both = detector.level1(images)
    one = detector.level1(images[1:])
    for together, alone in zip(both, one, strict=True):
        torch.testing.assert_close(together[1:], alone, atol=1e-3, rtol=1e-4)


def test_locations_are_the_middles_of_cells():
    found = locations(2, 3, 8, torch.device("cpu"))
    assert found.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]


@torch.no_grad()
def test_level2_embeds_crops_as_unit_vectors():
    embeddings = Level2(dim=32).eval()(torch.rand(3, 3, 64, 64))
    assert embeddings.shape == (3, 32)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(3))


def test_the_networks_stay_small():
    sizes = [sum(p.numel() for p in network.parameters()) for network in (Level1(), Level2())]
    assert sizes[0] < 5e6
    assert sizes[1] < 1e6


def test_a_seed_makes_the_same_detector_and_leaves_the_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, two = build_detector(seed=5, width=8), build_detector(seed=5, width=8)
    torch.testing.assert_close(torch.rand(3), expected)
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    np.testing.assert_array_equal(one.bank.dense.weights, two.bank.dense.weights)


def test_an_untrained_detector_knows_the_super_classes(detector):
    assert detector.bank.names == SUPER_CLASSES
    assert not detector.training
    norms = np.linalg.norm(detector.bank.dense.weights, axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_a_detector_that_differs_keeps_all_else(detector):
    known = TwoLevelDetector(
        *(detector.level1, detector.level2, detector.bank, Scoring(crop_scale=11.0)),
        architecture="other",
    ).eval()
    level2 = nn.Identity()
    changed = known.with_(level2=level2, input_size=(64, 128))
    assert changed.level2 is level2
    assert changed.input_size == (64, 128)
    assert (changed.bank, changed.scoring, changed.architecture, changed.training) == (
        *(known.bank, known.scoring, "other", False),
    )
    assert known.with_(bank=detector.bank).architecture == "other"


def test_a_detector_for_training_leaves_the_networks_as_they_are(detector):
    TwoLevelDetector(detector.level1, detector.level2, detector.bank).with_(input_size=(64, 64))
    assert not detector.level1.training


def test_another_bank_shares_the_networks(detector):
    other = detector.with_(bank=detector.bank.with_thresholds({"vehicle": 0.9}))
    assert other.level1 is detector.level1
    assert other.bank.thresholds[0] == np.float32(0.9)
    assert detector.bank.thresholds[0] == np.float32(0.3)
