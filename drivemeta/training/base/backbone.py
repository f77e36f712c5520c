"""The backbone under a level that is trained: whole, or with its first blocks frozen."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.traced.frozen import FrozenTrunk

FeatureMaps = Callable[[Tensor], list[Tensor]]


def trunk_of(
    backbone: EfficientNetLite0, n_frozen: int, size: tuple[int, int], n_threads: int
) -> FeatureMaps:
    """Return what maps images to the backbone's feature maps.

    Args:
        backbone: Network whose later blocks are trained.
        n_frozen: Number of first blocks that stay as they are, and run as a graph of their own.
        size: Height and width of the images in pixels.
        n_threads: Threads of that graph; 0 for all.
    """
    if not n_frozen:
        return backbone
    return FrozenTrunk(backbone, n_frozen, size, n_threads).features
