"""Level 1, *where*: a small one-stage, anchor-free detector with a cosine embedding a location.

After Tian et al., "FCOS", 2019, arXiv 1904.01355 (boxes as distances from a location), with a
path-aggregation neck (Liu et al., "PANet", 2018, arXiv 1803.01534) of depthwise 5x5 convolutions.
Different from both: a class-agnostic quality beside a dense L2-normalised embedding, which class
bank rows name by their cosine, and a narrow head of its own at stride 4, where a full one would
cost as much as all other levels together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.blocks import SeparableConv, UnitLength, conv_bn
from drivemeta.plugins.detector.protocol import DenseOutput

STRIDES = (8, 16, 32, 64)
FINE_STRIDE = 4


class Neck(nn.Module):
    """Brings three feature maps to one width, adds stride 64, and mixes down and up.

    Args:
        n_channels: Channels of the maps of strides 8, 16 and 32.
        width: Channels of all maps that it returns.
        n_fine: Channels of a map of stride 4 that joins the one of stride 8, 0 for none: what
            Redmon and Farhadi, "YOLO9000", 2016, arXiv 1612.08242 call a passthrough, for objects
            of a few pixels, at a fraction of the cost of predicting at stride 4.
    """

    def __init__(self, n_channels: tuple[int, ...], width: int, n_fine: int = 0) -> None:
        super().__init__()
        self.fine: nn.Sequential | None = None
        if n_fine:
            convolution, norm, _ = conv_bn(n_fine, width, 3, stride=2)
            assert isinstance(norm.weight, nn.Parameter)  # of batch normalisation
            nn.init.zeros_(norm.weight)  # starts as if it were not there
            self.fine = nn.Sequential(convolution, norm)
        self.lateral = nn.ModuleList(conv_bn(n, width, 1) for n in n_channels)
        self.extra = SeparableConv(width, width, stride=2)
        self.top_down = nn.ModuleList(SeparableConv(width, width) for _ in n_channels)
        self.down = nn.ModuleList(SeparableConv(width, width, stride=2) for _ in n_channels)
        self.bottom_up = nn.ModuleList(SeparableConv(width, width) for _ in n_channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Map feature maps of strides (4,) 8, 16, 32 to those of 8, 16, 32 and 64."""
        fine = features[:1] if self.fine is not None else []
        features = features[len(fine) :]
        maps = [lateral(x) for lateral, x in zip(self.lateral, features, strict=True)]
        if self.fine is not None:
            maps[0] = maps[0] + self.fine(fine[0])
        maps.append(self.extra(maps[-1]))
        for i in reversed(range(len(self.top_down))):
            upper = F.interpolate(maps[i + 1], scale_factor=2.0, mode="nearest")
            maps[i] = self.top_down[i](maps[i] + upper)
        for i, (down, mix) in enumerate(zip(self.down, self.bottom_up, strict=True)):
            maps[i + 1] = mix(maps[i + 1] + down(maps[i]))
        return maps


class Head(nn.Module):
    """Embedding, distances and quality at every location of a map.

    Args:
        width: Channels of the map and of the towers.
        dim: Length of the embedding.
        depth: Layers of each of the two towers.
        kernel: Kernel of their depthwise convolutions.
    """

    def __init__(self, width: int, dim: int, depth: int = 2, kernel: int = 5) -> None:
        super().__init__()
        towers = [
            nn.Sequential(*(SeparableConv(width, width, kernel) for _ in range(depth)))
            for _ in range(2)
        ]
        self.class_tower, self.box_tower = towers
        self.embed = nn.Conv2d(width, dim, 1)
        self.unit = UnitLength(dim)
        self.distances = nn.Conv2d(width, 4, 1)
        self.quality = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.distances.weight)
        for layer, bias in ((self.distances, 0.7), (self.quality, -4.0)):
            assert layer.bias is not None  # built with one
            nn.init.constant_(layer.bias, bias)

    def predict(self, x: Tensor, stride: int, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (N, width, h, w) to (N, h * w, ...) boxes, quality logits and embeddings."""
        embeddings = self.unit(self.embed(self.class_tower(x)))  # (N, dim, h, w)
        box_features = self.box_tower(x)
        boxes = self.boxes(box_features, stride, scale)
        quality = self.quality(box_features).flatten(1)
        return boxes, quality, embeddings.flatten(2).transpose(1, 2)

    def boxes(self, x: Tensor, stride: int, scale: Tensor) -> Tensor:
        """Map the (N, width, h, w) output of the box tower to (N, h * w, 4) boxes."""
        raw = self.distances(x).flatten(2).transpose(1, 2)  # (N, A, 4)
        distances = torch.exp((raw * scale).clamp(max=6.0)) * stride
        centres = locations(x.shape[2], x.shape[3], stride, x.device)
        return torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], -1)


class FineHead(Head):
    """The head of stride 4: narrow, on the backbone's features with those of stride 8 added.

    Args:
        n_fine: Channels of the backbone's map of stride 4.
        n_coarse: Channels of the neck's map of stride 8.
        width: Channels of the head.
        dim: Length of the embedding.
    """

    def __init__(self, n_fine: int, n_coarse: int, width: int, dim: int) -> None:
        super().__init__(width, dim, depth=1, kernel=3)
        self.lateral = conv_bn(n_fine, width, 1)
        self.coarse = conv_bn(n_coarse, width, 1)
        self.mix = SeparableConv(width, width, kernel=3)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map the maps of strides 4 and 8 to boxes, quality logits and embeddings."""
        upper = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        return self.predict(self.mix(self.lateral(fine) + upper), FINE_STRIDE, self.scale)


class Level1(Head):
    """The network of level 1.

    Args:
        width: Channels of neck and head.
        dim: Length of the dense embedding.
        passthrough: Whether the features of stride 4 join those of stride 8.
        fine_width: Channels of the head of stride 4, 0 for none; it needs `passthrough`.
    """

    def __init__(
        self, width: int = 96, dim: int = 64, *, passthrough: bool = False, fine_width: int = 0
    ) -> None:
        super().__init__(width, dim)
        self.dim = dim
        self.params = {
            "width": width,
            "dim": dim,
            "passthrough": passthrough,
            "fine_width": fine_width,
        }
        self.backbone = EfficientNetLite0(taps=(2, 4, 10, 15) if passthrough else (4, 10, 15))
        self.neck = Neck((40, 112, 320), width, n_fine=24 if passthrough else 0)
        self.scales = nn.Parameter(torch.ones(len(STRIDES)))
        self.fine: FineHead | None = None
        if fine_width:
            self.fine = FineHead(24, width, fine_width, dim)

    def forward(self, images: Tensor) -> DenseOutput:
        """Map (N, 3, H, W) float RGB in [0, 1], sides multiples of 64, to dense predictions."""
        return self.dense(self.backbone(images))

    def dense(self, features: list[Tensor]) -> DenseOutput:
        """Map the feature maps of the backbone to dense predictions."""
        maps = self.neck(features)
        outputs = [] if self.fine is None else [self.fine(features[0], maps[0])]
        outputs += [
            self.predict(x, stride, scale)
            for x, stride, scale in zip(maps, STRIDES, self.scales, strict=True)
        ]
        boxes, quality, embeddings = zip(*outputs, strict=True)
        return DenseOutput(torch.cat(boxes, 1), torch.cat(quality, 1), torch.cat(embeddings, 1))


def locations(height: int, width: int, stride: int, device: torch.device) -> Tensor:
    """Return the (height * width, 2) x, y centres of a grid's cells, in input pixels."""
    ys = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * stride
    xs = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * stride
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([grid_x.flatten(), grid_y.flatten()], -1)


def grid(height: int, width: int, n_locations: int) -> tuple[Tensor, Tensor]:
    """Return (A, 2) centres and (A,) strides of all locations of an input of that size.

    Args:
        height: Height of the input, in pixels.
        width: Width of the input, in pixels.
        n_locations: A, as the network predicts; it tells whether stride 4 is among its levels.

    Raises:
        ValueError: no network predicts that many.
    """
    cpu = torch.device("cpu")
    for strides in (STRIDES, (FINE_STRIDE, *STRIDES)):
        centres = [locations(height // s, width // s, s, cpu) for s in strides]
        if sum(map(len, centres)) == n_locations:
            of_each = [
                torch.full((len(c),), float(s)) for c, s in zip(centres, strides, strict=True)
            ]
            return torch.cat(centres), torch.cat(of_each)
    raise ValueError(f"no levels have {n_locations} locations at {height}x{width}")
