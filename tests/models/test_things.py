"""The embedding of things and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from drivemeta.errors import ModelFileError
from drivemeta.models.things import THING_CROP_SIZE, ThingEmbedding, load_things


def test_crops_become_unit_vectors() -> None:
    torch.manual_seed(0)
    network = ThingEmbedding().eval()
    crops = torch.rand(2, 3, THING_CROP_SIZE, THING_CROP_SIZE)
    with torch.inference_mode():
        embeddings = network(crops)
        alone = network(crops[1:])
    assert embeddings.shape == (2, ThingEmbedding.dim)
    assert embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(embeddings[1:], alone)


def test_the_coarse_map_is_averaged_and_the_fine_one_keeps_four_places() -> None:
    fine, coarse = torch.zeros(1, 112, 7, 7), torch.zeros(1, 320, 4, 4)
    fine[0, 0, 0, 6] = 16.0  # above on the right
    coarse[0, 5] = 3.0
    features = ThingEmbedding.features([fine, coarse])
    assert features.shape == (1, ThingEmbedding.n_features)
    assert torch.nonzero(features[0]).flatten().tolist() == [5, 320 + 1]
    assert features[0, [5, 321]].tolist() == [3.0, 1.0]


def test_weights_in_half_precision_are_read(tmp_path: Path) -> None:
    network = ThingEmbedding()
    path = tmp_path / "things.safetensors"
    save_file({name: tensor.half() for name, tensor in network.state_dict().items()}, path)
    read = load_things(path)
    assert read.project.weight.dtype == torch.float32
    torch.testing.assert_close(read.project.weight, network.project.weight.half().float())


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    with pytest.raises(ModelFileError, match=r"embedding of things.*other"):
        load_things(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelFileError, match=r"embedding of things.*other"):
        load_things(path)
