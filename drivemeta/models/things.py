"""The embedding of things: vehicles, people, animals and street furniture, beside that of signs."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.errors import ModelFileError
from drivemeta.models.backbone import EfficientNetLite0

THING_CROP_SIZE = 112
THING_CONTEXT = 1.1

_WINDOW, _STEP = 4, 3  # 2 x 2 places of the 7 x 7 map at stride 16


class ThingEmbedding(nn.Module):
    """EfficientNet-Lite0 up to stride 32, averaged, and a coarse layout of its stride 16.

    Sides of a thing may be mirrored, parts of a sign may not: of the layout only 2 x 2 places are
    kept.
    """

    dim = 128
    taps = (10, 15)
    n_coarse = 320
    n_features = n_coarse + 4 * 112

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0(self.taps)
        self.project = nn.Linear(self.n_features, self.dim)

    def forward(self, crops: Tensor) -> Tensor:
        """Map (K, 3, 112, 112) float RGB in [0, 1] to (K, 128) float32, L2-normalised."""
        return self.embed(self.backbone(crops))

    def embed(self, maps: list[Tensor]) -> Tensor:
        """Map the maps of the backbone, (K, 112, 7, 7) and (K, 320, 4, 4), to the same."""
        return F.normalize(self.project(self.features(maps)), dim=-1)

    @staticmethod
    def features(maps: list[Tensor]) -> Tensor:
        """Map the maps of the backbone to what is projected, (K, 768)."""
        fine, coarse = maps
        places = F.avg_pool2d(fine, _WINDOW, _STEP)  # (K, 112, 2, 2)
        return torch.cat([coarse.mean((2, 3)), places.flatten(1)], 1)


def load_things(path: Path) -> ThingEmbedding:
    """Read an embedding of things, in evaluation mode and float32.

    Raises:
        ModelFileError: the file is missing, damaged, or does not fit the network.
    """
    network = ThingEmbedding()
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelFileError(
            f"expected the weights of an embedding of things in {path}: {error}"
        ) from error
    return network.eval()
