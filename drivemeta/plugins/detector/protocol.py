"""What a detector plugin must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn


class Backbone(Protocol):
    """What training freezes and starts from ImageNet, an `nn.Module`.

    Both copy weights by name, so its blocks are those of `models.backbone.EfficientNetLite0`, as
    far as it has them.

    Attributes:
        stem: Layers before the blocks.
        blocks: Blocks in order; each maps (N, C, h, w) to the same of other sizes.
        taps: Indices of the blocks whose outputs are returned, ascending.
    """

    stem: nn.Module
    blocks: nn.ModuleList
    taps: tuple[int, ...]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) float RGB in [0, 1] to the tapped feature maps, finest first."""

    def run_blocks(self, x: Tensor, start: int, stop: int) -> list[Tensor]:
        """Map the output of the block before `start` to the tapped maps up to before `stop`."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights by name, as every `nn.Module` does."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take weights by name, as every `nn.Module` does."""


class DetectorPlugin(Protocol):
    """The level-1 network, an `nn.Module`: trained, stored, and exported by tracing `forward`.

    It predicts at every location of the strides 8, 16, 32 and 64, or of 4 as well.

    Attributes:
        params: Parameters of its `__init__`, as JSON values: stored with the weights to build it
            again.
        dim: Length of the dense embedding.
        backbone: Part that training may freeze.
    """

    params: Mapping[str, Any]
    dim: int
    backbone: Backbone

    def forward(self, images: Tensor) -> DenseOutput:
        """Map (N, 3, H, W) float RGB in [0, 1], sides multiples of 64, to dense predictions."""

    def dense(self, features: list[Tensor]) -> DenseOutput:
        """Map the feature maps of the backbone to the same."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights by name, as every `nn.Module` does."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take weights by name, as every `nn.Module` does."""


class DenseOutput(NamedTuple):
    """Predictions at every location of every stride, finest stride first.

    Attributes:
        boxes: (N, A, 4) float32, xyxy in pixels of the network's input.
        quality: (N, A) float32, logit of being a well-placed box of any object.
        embeddings: (N, A, dim) float32, L2-normalised.
    """

    boxes: Tensor
    quality: Tensor
    embeddings: Tensor
