"""The pinhole camera over a road: where a point of the road lies in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NEAREST_M = 1.2


@dataclass(frozen=True)
class Camera:
    """A camera that looks along a road of constant curvature.

    Road coordinates in metres: across (right of the road's centre line), up, ahead (along the
    road from the camera).

    Attributes:
        size: Height and width of the image in pixels.
        focal_px: Focal length in pixels.
        horizon_px: Row of the horizon.
        height_m: Height of the camera over the road.
        across_m: Distance of the camera from the centre line.
        curvature: Curvature of the road in 1/m, positive to the right.
    """

    size: tuple[int, int]
    focal_px: float
    horizon_px: float
    height_m: float
    across_m: float
    curvature: float

    def project(self, points: ArrayLike) -> tuple[Floats, Floats]:
        """Map (n, 3) road points to (n, 2) pixels and their (n,) depths in metres.

        Points nearer than `NEAREST_M` are pushed out to it: what they belong to is then off the
        image.
        """
        across, up, ahead = np.asarray(points, float).reshape(-1, 3).T
        depth = np.maximum(ahead, NEAREST_M)
        x = across - self.across_m + self.bend(depth)
        u = self.size[1] / 2 + self.focal_px * x / depth
        v = self.horizon_px + self.focal_px * (self.height_m - up) / depth
        return np.stack([u, v], axis=1), depth

    def bend(self, depth: Floats) -> Floats:
        """Return how far the road has gone to the right at a depth, in metres."""
        return np.asarray(self.curvature * depth**2 / 2)

    def ground(self) -> tuple[int, Floats, Floats]:
        """Return the first row of the ground, and across (h, w) and ahead (h, 1) of its pixels."""
        height, width = self.size
        first = int(np.clip(np.floor(self.horizon_px) + 1, 0, height - 1))
        rows = np.arange(first, height)[:, None] + 0.5
        ahead = self.focal_px * self.height_m / np.maximum(rows - self.horizon_px, 0.3)
        columns = np.arange(width)[None] + 0.5
        x = (columns - width / 2) * ahead / self.focal_px
        return first, x + self.across_m - self.bend(ahead), ahead
