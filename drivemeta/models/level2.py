"""Level 2, *what*: an embedding of object crops taken at full resolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.models.backbone import EfficientNetLite0

CROP_SIZE = 64


class Level2(nn.Module):
    """EfficientNet-Lite0 up to stride 16 and one linear layer that keeps the crop's layout.

    Args:
        dim: Length of the embedding.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.dim = dim
        self.backbone = EfficientNetLite0(taps=(10,))
        self.project = nn.Linear(112 * (CROP_SIZE // 16) ** 2, dim)

    def forward(self, crops: Tensor) -> Tensor:
        """Map (K, 3, 64, 64) float RGB in [0, 1] to (K, dim) float32, L2-normalised."""
        return self.embed(self.backbone(crops))

    def embed(self, features: list[Tensor]) -> Tensor:
        """Map the feature maps of the backbone, (K, 112, 4, 4), to the same."""
        return F.normalize(self.project(features[0].flatten(1)), dim=-1)
