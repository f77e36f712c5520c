"""What embeds things in the comparison: level 2, untrained features, the thing-embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.core.boxes import FloatArray
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.crops import roi_crops
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.store import load_base
from drivemeta.models.things import THING_CONTEXT, THING_CROP_SIZE, load_things
from drivemeta.training.base.imagenet import load_imagenet
from drivemeta.training.base.thing_crops import Thing, shrunk

BATCH = 16
Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Embedder:
    """A network and the crops that it looks at.

    Attributes:
        name: Row of the table.
        network: Map of (n, 3, size, size) float RGB in [0, 1] to (n, dim).
        size: Side of a crop in pixels.
        context: Side of a crop in sides of the thing.
    """

    name: str
    network: Network
    size: int
    context: float

    @torch.inference_mode()
    def __call__(self, things: Sequence[Thing], longest: float) -> FloatArray:
        """Return (n, dim) float32 of length 1, of things brought to one size first.

        Args:
            things: Things with their surroundings.
            longest: Longer side of every thing in pixels; smaller ones stay.
        """
        found = []
        for start in range(0, len(things), BATCH):
            crops = [self._crop(thing, longest) for thing in things[start : start + BATCH]]
            found.append(F.normalize(self.network(torch.stack(crops)), dim=-1))
        return torch.cat(found).numpy()

    def _crop(self, thing: Thing, longest: float) -> Tensor:
        small = shrunk(thing, longest)
        image = torch.from_numpy(small.image).permute(2, 0, 1).float() / 255
        return roi_crops(image, torch.from_numpy(small.box)[None], self.context, self.size)[0]


def shipped_level2() -> Embedder:
    """Return the shipped level 2 with its own crops."""
    base = load_base()
    return Embedder(
        "level 2 as shipped, 64 px", base.level2.eval(), CROP_SIZE, base.scoring.context
    )


def imagenet_places() -> Embedder:
    """Return untrained features: stride 32, 2 x 2 places, crops of 128 pixels."""
    backbone = _imagenet((15,))

    def network(crops: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(backbone(crops)[0], 2).flatten(1)

    return Embedder("ImageNet, untrained: stride 32, 2 x 2 places, 128 px", network, 128, 1.1)


def imagenet_average(size: int) -> Embedder:
    """Return untrained features: the average of stride 32, of crops of so many pixels."""
    backbone = _imagenet((15,))

    def network(crops: Tensor) -> Tensor:
        coarse: Tensor = backbone(crops)[0]
        return coarse.mean((2, 3))

    name = f"ImageNet, untrained: stride 32, average, {size} px"
    return Embedder(name, network, size, THING_CONTEXT)


def thing_embedding(name: str, weights: Path) -> Embedder:
    """Return a thing-embedding from its file."""
    return Embedder(name, load_things(weights), THING_CROP_SIZE, THING_CONTEXT)


def _imagenet(taps: tuple[int, ...]) -> EfficientNetLite0:
    backbone = EfficientNetLite0(taps)
    load_imagenet(backbone)
    return backbone.eval()


def groups_of(things: Sequence[Thing]) -> NDArray[np.str_]:
    """Return the groups of things, told apart by source."""
    return np.array([f"{thing.source}/{thing.group}" for thing in things])
