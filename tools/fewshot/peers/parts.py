"""The parts of level 1 that a peer fine-tunes: all of it, or the last layers of its box regression.

Each part predicts the crops that it trains on, and looks at images once it is trained.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from drivemeta.core.score_rule import DenseArrays
from drivemeta.data.readers.files import read_image
from drivemeta.models.crops import to_tensor
from drivemeta.models.level1 import (
    FINE_STRIDE,
    STRIDES,
    Head,
    Level1,
)
from drivemeta.models.traced.networks import level1_graph
from drivemeta.models.traced.proposals import to_input
from drivemeta.plugins.detector.protocol import DenseOutput
from tools.fewshot.networks import OnnxNetwork


class Part(Protocol):
    """A part of level 1 in training.

    Attributes:
        trained: Parameters of the part.
    """

    trained: list[nn.Parameter]

    def predict(self, batch: list[int]) -> DenseOutput:
        """Return level 1's output for some of the crops."""

    def finish(self, size: tuple[int, int]) -> None:
        """Make ready to look at images of an input size, after training."""

    def look(self, path: Path) -> tuple[tuple[int, int], DenseArrays]:
        """Return the height and width of an image, and level 1's output."""


class Whole:
    """All of level 1; trained, it runs on ONNX Runtime."""

    def __init__(self, level1: Level1, crops: list[Tensor]) -> None:
        self._level1 = level1.requires_grad_(True)
        self._level1.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._crops = crops
        self.trained = list(level1.parameters())

    def predict(self, batch: list[int]) -> DenseOutput:
        """Return level 1's output for some of the crops."""
        images = torch.stack([self._crops[i] for i in batch])
        output: DenseOutput = self._level1(images.contiguous(memory_format=torch.channels_last))
        return output

    def finish(self, size: tuple[int, int]) -> None:
        """Export the network for an input size."""
        self._size = size
        self._network = OnnxNetwork(level1_graph(self._level1.eval(), size))

    @torch.no_grad()
    def look(self, path: Path) -> tuple[tuple[int, int], DenseArrays]:
        """Return the height and width of an image, and level 1's output."""
        size, inputs = _input(path, self._size)
        return size, _arrays(DenseOutput(*self._network(inputs)))


class Frozen(NamedTuple):
    """What no training of the last layers changes, of one input.

    Attributes:
        maps: (1, width, h, w) inputs of the last layers of the box regression, finest first.
        quality: (N, A) logits, as in `DenseOutput`.
        embeddings: (N, A, dim), as in `DenseOutput`.
    """

    maps: tuple[Tensor, ...]
    quality: Tensor
    embeddings: Tensor


Seen = dict[Path, tuple[tuple[int, int], Frozen]]


class LastLayers:
    """The last layers of the box regression; what is before them runs once an image.

    Args:
        level1: Level 1 of the base; all but its last layers is frozen.
        crops: Crops to train on, (3, h, w) each.
        seen: Images that it or another training of the same base looked at; it adds its own, some
            20 MB each.
        n_kept: Greatest number of images that stay there.
    """

    def __init__(
        self, level1: Level1, crops: list[Tensor], seen: Seen, n_kept: float = math.inf
    ) -> None:
        self._level1 = level1.requires_grad_(False)
        heads: list[Head] = [level1] if level1.fine is None else [level1.fine, level1]
        self._layers = [head.distances for head in heads]
        self.trained = [p for x in self._layers for p in x.requires_grad_(True).parameters()]
        self._crops = [self._freeze(crop[None]) for crop in crops]
        self._seen, self._n_kept = seen, n_kept

    def predict(self, batch: list[int]) -> DenseOutput:
        """Return level 1's output for some of the crops."""
        frozen = [self._crops[i] for i in batch]
        maps = [torch.cat(parts) for parts in zip(*(f.maps for f in frozen), strict=True)]
        quality = torch.cat([f.quality for f in frozen])
        return DenseOutput(self._boxes(maps), quality, torch.cat([f.embeddings for f in frozen]))

    def finish(self, size: tuple[int, int]) -> None:
        """Keep the input size."""
        self._size = size

    @torch.no_grad()
    def look(self, path: Path) -> tuple[tuple[int, int], DenseArrays]:
        """Return the height and width of an image, and level 1's output."""
        if path not in self._seen:
            while len(self._seen) >= self._n_kept:
                self._seen.pop(next(iter(self._seen)))
            size, inputs = _input(path, self._size)
            self._seen[path] = size, self._freeze(inputs)
        size, frozen = self._seen[path]
        boxes = self._boxes(list(frozen.maps))
        return size, _arrays(DenseOutput(boxes, frozen.quality, frozen.embeddings))

    @torch.no_grad()
    def _freeze(self, inputs: Tensor) -> Frozen:
        maps: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, given: maps.append(given[0]))
            for layer in self._layers
        ]
        try:
            output = self._level1(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return Frozen(tuple(maps), output.quality, output.embeddings)

    def _boxes(self, maps: list[Tensor]) -> Tensor:
        level1 = self._level1
        found = []
        if level1.fine is not None:
            found.append(level1.fine.boxes(maps[0], FINE_STRIDE, level1.fine.scale))
        coarse = zip(maps[-len(STRIDES) :], STRIDES, level1.scales, strict=True)
        return torch.cat([*found, *(level1.boxes(*of_stride) for of_stride in coarse)], 1)


def _input(path: Path, size: tuple[int, int]) -> tuple[tuple[int, int], Tensor]:
    """Return the height and width of an image, and level 1's input of a size."""
    image = read_image(path)
    inputs, _ = to_input(to_tensor(image), size)
    return (image.shape[0], image.shape[1]), inputs


def _arrays(output: DenseOutput) -> DenseArrays:
    return DenseArrays(*(part[0].numpy() for part in output))
