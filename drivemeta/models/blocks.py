"""Small convolutional blocks shared by the networks."""

from __future__ import annotations

from torch import Tensor, nn


def conv_bn(
    n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
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


class InvertedResidual(nn.Module):
    """The inverted bottleneck of MobileNetV2 without squeeze and excitation.

    Paper: Sandler et al., "MobileNetV2", 2018, arXiv 1801.04381. ReLU6 throughout and no
    squeeze-and-excitation, as in the Lite variants of EfficientNet.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_mid = n_in * expansion
        self.skip = stride == 1 and n_in == n_out
        expand = [*conv_bn(n_in, n_mid, 1)] if expansion != 1 else []
        self.layers = nn.Sequential(
            *expand,
            *conv_bn(n_mid, n_mid, kernel, stride, groups=n_mid),
            nn.Conv2d(n_mid, n_out, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, n_in, H, W) to (N, n_out, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.skip else y
