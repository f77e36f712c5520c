"""What every level-1 network keeps to."""

import json

import pytest
import torch
from torch import nn

from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import grid
from drivemeta.models.store import load_detector, save_detector
from drivemeta.models.traced.frozen import FrozenTrunk
from tests.helpers.detectors import build_detector

KIND = "detector"


@torch.no_grad()
def test_predictions_have_the_shapes_of_dense_output(create):
    network = create().eval()
    assert isinstance(network, nn.Module)
    output = network(torch.rand(2, 3, 64, 128))
    n, n_locations, four = output.boxes.shape
    assert (n, four) == (2, 4)
    grid(64, 128, n_locations)  # of the strides that the loss knows
    assert output.quality.shape == (2, n_locations)
    assert output.embeddings.shape[:2] == (2, n_locations)
    norms = output.embeddings.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    assert (output.boxes[..., 2:] >= output.boxes[..., :2]).all()


def test_its_parameters_build_it_again(create):
    network = create()
    again = create(**json.loads(json.dumps(network.params)))
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in again.state_dict().items()} == shapes


@torch.no_grad()
def test_dense_goes_on_where_the_backbone_ends(create):
    network, images = create().eval(), torch.rand(1, 3, 64, 128)
    whole = network(images)
    assert whole.embeddings.shape[-1] == network.dim
    for one, other in zip(network.dense(network.backbone(images)), whole, strict=True):
        torch.testing.assert_close(one, other)


@torch.no_grad()
@pytest.mark.parametrize("n_blocks", [1, 3])
def test_its_first_blocks_can_be_frozen(create, n_blocks):
    backbone, images = create().eval().backbone, torch.rand(1, 3, 64, 128)
    frozen = FrozenTrunk(backbone, n_blocks, (64, 128), n_threads=1)
    for one, other in zip(frozen.features(images), backbone(images), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_it_comes_back_from_a_file(name, create, tmp_path):
    built = build_detector(width=8, input_size=(64, 128))
    given = (create(), built.level2, built.bank)
    detector = TwoLevelDetector(*given, input_size=(64, 128), architecture=name)
    save_detector(tmp_path / "base.safetensors", detector, {})
    back = load_detector(tmp_path / "base.safetensors")
    assert back.architecture == name
    for key, value in detector.level1.state_dict().items():
        torch.testing.assert_close(back.level1.state_dict()[key], value.half().to(value.dtype))
