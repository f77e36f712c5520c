"""Networks of the episodic classification papers.

Conv-4: Vinyals et al., "Matching Networks for One Shot Learning", 2016, arXiv 1606.04080, four
blocks of 64 filters; the strided kind without pooling is that of Finn et al., 2017, arXiv
1703.03400, the flattened one that of the code of Nichol et al., 2018, arXiv 1803.02999. Different
from them: pooling comes before the ReLU, which gives the same values with a quarter of the work.
The twin of Siamese networks: Koch et al., "Siamese Neural Networks for One-shot Image
Recognition", 2015.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.plugins.learner.reference_norm import ReferenceNorm2d
from drivemeta.training.precision import Amp, wants_bfloat16

N_BLOCKS = 4
Halving = Literal["pool", "stride"]
Conv4Kind = Literal["pooled", "strided", "flattened"]


def convolution_by_product(images: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve (n, C, H, W) images by (n_out, C, k, k) weights, padded by k // 2, as a product.

    Where tasks have weights of their own, vmap makes a grouped convolution of theirs, whose
    backward is slow on a CPU; the products of their patches go as one batch.
    """
    height, width = ((size - 1) // stride + 1 for size in images.shape[2:])
    taps, pad = torch.arange(weight.shape[-1]), weight.shape[-1] // 2
    rows = (torch.arange(height) * stride)[:, None] + taps  # of the padded images
    columns = (torch.arange(width) * stride)[:, None] + taps
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, pad, pad, pad, pad))
    patches = padded[:, rows[:, None, :, None], columns[None, :, None, :]]  # (n, h, w, k, k, C)
    product = patches.flatten(3) @ weight.permute(2, 3, 1, 0).flatten(0, 2)
    return product.permute(0, 3, 1, 2)


class Normed(nn.Module):
    """Convolution and batch norm.

    Args:
        n_in: Number of channels.
        n_out: Number of filters.
        size: Side of the filters.
        stride: Stride of the convolution.
        by_product: As in `plain_blocks`.
    """

    def __init__(
        self, n_in: int, n_out: int, size: int = 3, stride: int = 1, *, by_product: bool = False
    ) -> None:
        super().__init__()
        # Batch norm takes any bias out again.
        self.convolution = nn.Conv2d(
            n_in, n_out, size, stride=stride, padding=size // 2, bias=False
        )
        self.norm = ReferenceNorm2d(n_out)
        self.by_product = by_product

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Map (n, n_in, H, W) to (n, n_out, H / stride, W / stride)."""
        normed: Tensor = self.norm(self._convolved(images), n_reference)
        return normed

    def _convolved(self, images: Tensor) -> Tensor:
        convolution = self.convolution
        if self.by_product and self.training:
            return convolution_by_product(images, convolution.weight, convolution.stride[0])
        convolved: Tensor = convolution(images)
        return convolved


class Block(Normed):
    """Convolution, batch norm, pooling or stride or neither, ReLU."""

    def __init__(
        self, n_in: int, n_out: int, halving: Halving | None, *, by_product: bool = False
    ) -> None:
        stride = 2 if halving == "stride" else 1
        super().__init__(n_in, n_out, stride=stride, by_product=by_product)
        self.pooled = halving == "pool"

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Map (n, n_in, H, W) to (n, n_out, H / 2, W / 2), or H and W if it does not halve."""
        features = super().forward(images, n_reference)
        return F.relu(F.max_pool2d(features, 2) if self.pooled else features)


class ResidualBlock(nn.Module):
    """Two convolutions, the first with a stride of 2, beside a shortcut by the mean of places."""

    def __init__(self, n_in: int, n_out: int, *, by_product: bool = False) -> None:
        super().__init__()
        self.first = Block(n_in, n_out, "stride", by_product=by_product)
        self.second = Normed(n_out, n_out, by_product=by_product)
        self.shortcut = Normed(n_in, n_out, size=1)

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Map (n, n_in, H, W) to (n, n_out, H / 2, W / 2), rounded up."""
        deep = self.second(self.first(images, n_reference), n_reference)
        means = F.avg_pool2d(images, 2, ceil_mode=True)
        return F.relu(deep + self.shortcut(means, n_reference))


class Convolutions(nn.Module):
    """What the networks below share: blocks, in training in bfloat16 if that is wanted.

    Args:
        blocks: Modules from features and `n_reference` to features.
        amp: Whether convolutions are bfloat16 in training: `on`, `off`, or `auto` by the processor.
            The embedding is float32 in any case, and so is all of it in evaluation.
    """

    def __init__(self, blocks: Iterable[nn.Module], amp: Amp) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.mixed = wants_bfloat16(amp)

    def autocast(self) -> torch.autocast:
        """Return the context of training in bfloat16, which does nothing otherwise."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.mixed and self.training)

    def convolved(self, images: Tensor, n_reference: int | None) -> Tensor:
        """Run the blocks; with `n_reference` the first images alone give the statistics."""
        features = images
        with self.autocast():
            for block in self.blocks:
                features = block(features, n_reference)
        return features


def plain_blocks(
    sizes: list[int], halvings: list[Halving | None], *, by_product: bool
) -> list[Block]:
    """Return a chain of blocks.

    Args:
        sizes: Numbers of channels of the images and of filters of each block.
        halvings: Halving of each block.
        by_product: Whether to convolve by matrix products in training: the same values, sooner
            where vmap maps over tasks with weights of their own and TorchInductor compiles it.
    """
    return [
        Block(n_in, n_out, halving, by_product=by_product)
        for (n_in, n_out), halving in zip(pairwise(sizes), halvings, strict=True)
    ]


class Conv4(Convolutions):
    """The embedding of the few-shot papers: (n, channels, 28, 28) to (n, dim).

    Args:
        n_filters: Number of filters of each block; the embedding of 28 x 28 images has as many
            dimensions, flattened four times as many.
        n_channels: Number of channels of the images.
        kind: `pooled`; `strided`, with strides instead of pooling and the mean over places; or
            `flattened`, with strides and all places.
        amp: As in `Convolutions`.
        by_product: As in `plain_blocks`.
    """

    def __init__(
        self,
        n_filters: int = 64,
        n_channels: int = 1,
        *,
        kind: Conv4Kind = "pooled",
        amp: Amp = "off",
        by_product: bool = False,
    ) -> None:
        halvings: list[Halving | None] = ["pool" if kind == "pooled" else "stride"] * N_BLOCKS
        sizes = [n_channels] + [n_filters] * N_BLOCKS
        super().__init__(plain_blocks(sizes, halvings, by_product=by_product), amp)
        self.averaged = kind == "strided"

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Embed images; with `n_reference` that many of the first alone give the statistics."""
        features = self.convolved(images, n_reference).to(images.dtype)
        return features.mean((2, 3)) if self.averaged else features.flatten(1)


class Twin(Convolutions):
    """Blocks and a sigmoid layer that sees every place, as in the twin of Koch et al.

    Args:
        blocks: As in `Convolutions`.
        n_features: Number of features of their output for one image.
        dim: Dimensions of the embedding.
        amp: As in `Convolutions`.
    """

    def __init__(self, blocks: Iterable[nn.Module], n_features: int, dim: int, amp: Amp) -> None:
        super().__init__(blocks, amp)
        self.whole = nn.Linear(n_features, dim)

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Embed images; with `n_reference` that many of the first alone give the statistics."""
        with self.autocast():
            embedded = self.whole(self.convolved(images, n_reference).flatten(1))
        return torch.sigmoid(embedded.to(images.dtype))


class KochNet(Twin):
    """The twin of Koch et al., 2015, in small: (n, channels, 28, 28) to (n, 8 n_filters) in [0, 1].

    As in the paper, four convolutions of 64, 128, 128 and 256 filters and a sigmoid layer that sees
    every place. Different from it: images of 28 x 28 in place of 105 x 105, so filters of 3 x 3, a
    stride and two poolings; batch norm; 512 units in place of 4,096.

    Args:
        n_filters: Number of filters of the first convolution.
        n_channels: Number of channels of the images.
        amp: As in `Convolutions`.
        by_product: As in `plain_blocks`.
    """

    def __init__(
        self,
        n_filters: int = 64,
        n_channels: int = 1,
        *,
        amp: Amp = "off",
        by_product: bool = False,
    ) -> None:
        n = n_filters
        halvings: list[Halving | None] = ["stride", "pool", None, "pool"]
        sizes = [n_channels, n, 2 * n, 2 * n, 4 * n]
        blocks = plain_blocks(sizes, halvings, by_product=by_product)
        super().__init__(blocks, 4 * n * 3 * 3, 8 * n, amp)


class ResidualNet(Twin):
    """A twin of residual blocks: (n, channels, 28, 28) to (n, 16 n_filters) in [0, 1].

    He et al., "Deep Residual Learning for Image Recognition", 2016, arXiv 1512.03385: a convolution
    and three blocks of 2, 4 and 8 `n_filters`, each with a shortcut, and the sigmoid layer.

    Args:
        n_filters: Number of filters of the first convolution, which sees the whole resolution.
        n_channels: Number of channels of the images.
        amp: As in `Convolutions`.
        by_product: As in `plain_blocks`.
    """

    def __init__(
        self,
        n_filters: int = 16,
        n_channels: int = 1,
        *,
        amp: Amp = "off",
        by_product: bool = False,
    ) -> None:
        n = n_filters
        sizes = [n, 2 * n, 4 * n, 8 * n]
        blocks = [ResidualBlock(i, o, by_product=by_product) for i, o in pairwise(sizes)]
        first = Block(n_channels, n, None, by_product=by_product)
        super().__init__([first, *blocks], 8 * n * 4 * 4, 16 * n, amp)
