"""Small convolutional blocks shared by the networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TINY = 1e-24  # added to squared lengths: a vector of zeros stays one


class UnitLength(nn.Module):
    """Scales each location's vector of an (N, C, H, W) map to length 1.

    The squares are summed by a convolution with ones: ONNX Runtime's reductions over an axis take
    three times as long on a CPU, a twentieth of level 1.

    Args:
        n_channels: C.
    """

    ones: Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.register_buffer("ones", torch.ones(1, n_channels, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return x * (F.conv2d(x * x, self.ones) + TINY).rsqrt()


def conv_bn(n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU6 with padding that keeps the size."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU6(inplace=True),
    )


class SeparableConv(nn.Sequential):
    """A depthwise convolution followed by a pointwise one, each normalised and activated."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 5, stride: int = 1) -> None:
        super().__init__(
            *conv_bn(n_in, n_in, kernel, stride, groups=n_in), *conv_bn(n_in, n_out, 1)
        )


def conv_act(n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a biased convolution and ReLU6 that keep an even size, or halve it.

    For pretrained layers, into which the normalisation is folded: on a CPU the separate passes of
    batch normalisation cost as much time as the convolutions. Strided ones are padded as
    TensorFlow does, more to the right and bottom: padded otherwise, the ImageNet features are lost
    (cosine 0.46 with the original ones on a street scene).
    """
    if stride == 1:
        conv = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, groups=groups)
        return nn.Sequential(nn.Identity(), conv, nn.ReLU6(inplace=True))
    before = (kernel - 2) // 2
    after = kernel - 2 - before
    return nn.Sequential(
        nn.ZeroPad2d((before, after, before, after)),
        nn.Conv2d(n_in, n_out, kernel, stride, groups=groups),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """The inverted bottleneck of MobileNetV2, normalisation folded into its convolutions.

    Paper: Sandler et al., "MobileNetV2", 2018, arXiv 1801.04381. ReLU6 throughout and no
    squeeze-and-excitation, as in the Lite variants of EfficientNet.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_mid = n_in * expansion
        self.skip = stride == 1 and n_in == n_out
        self.expand = conv_act(n_in, n_mid, 1) if expansion != 1 else nn.Identity()
        self.depthwise = conv_act(n_mid, n_mid, kernel, stride, groups=n_mid)
        self.project = nn.Conv2d(n_mid, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, n_in, H, W) to (N, n_out, H / stride, W / stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.skip else y
