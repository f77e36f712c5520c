"""EfficientNet-Lite0, cut wherever a feature map is wanted.

Paper: Tan and Le, "EfficientNet", 2019, arXiv 1905.11946, in the Lite variant (ReLU6, no squeeze
and excitation). Batch normalisation is folded into the convolutions: it is never trained here.
"""

from __future__ import annotations

from torch import Tensor, nn

from drivemeta.models.blocks import InvertedResidual, conv_act

# (kernel, stride, expansion, channels, repeats), one row a stage
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
MEAN, STD = 127 / 255, 128 / 255


class EfficientNetLite0(nn.Module):
    """The feature extractor, normalising its input itself.

    Args:
        taps: Indices of the blocks (0 to 15) whose outputs are returned, ascending; blocks after
            the last tap are not built. 4, 10 and 15 have strides 8, 16 and 32 and 40, 112 and
            320 channels.
    """

    def __init__(self, taps: tuple[int, ...] = (4, 10, 15)) -> None:
        super().__init__()
        self.taps = taps
        self.stem = conv_act(3, 32, 3, stride=2)
        blocks: list[nn.Module] = []
        n_in = 32
        for kernel, stride, expansion, n_out, repeats in STAGES:
            for i in range(repeats):
                blocks.append(
                    InvertedResidual(n_in, n_out, kernel, stride if i == 0 else 1, expansion)
                )
                n_in = n_out
        self.blocks = nn.ModuleList(blocks[: max(taps) + 1])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) float RGB in [0, 1] to the tapped feature maps, finest first."""
        return self.run_blocks(self.stem((images - MEAN) / STD), 0, len(self.blocks))

    def run_blocks(self, x: Tensor, start: int, stop: int) -> list[Tensor]:
        """Return the tapped maps of the blocks from `start` up to `stop`.

        Args:
            x: Output of the block before `start`; of the stem, if that is 0.
            start: Index of the first block to run.
            stop: Index of the first block not to run.
        """
        features = []
        for i in range(start, stop):
            x = self.blocks[i](x)
            if i in self.taps:
                features.append(x)
        return features
