"""A drawn road scene, as probe and for parity: not realistic, but with edges, shapes and sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PROBE_SIZE = (360, 640)


def draw_scene(size: tuple[int, int] = PROBE_SIZE, seed: int = 0) -> NDArray[np.uint8]:
    """Return a (height, width, 3) uint8 BGR scene of sky, road, boxes and discs.

    >>> draw_scene((90, 160)).shape
    (90, 160, 3)
    """
    rng = np.random.default_rng(seed)
    height, width = size
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    horizon = 0.45 * height
    sky = np.stack([235 - 60 * ys / height, 200 - 40 * ys / height, 170 - 30 * ys / height], -1)
    full = np.where((ys < horizon)[..., None], sky, 90.0)
    lane = np.abs(xs - width / 2) < 0.015 * width * (ys - horizon) / height * 4
    full[lane & (ys > horizon) & (ys % 40 < 20)] = 230
    grid_x, grid_y = xs, ys
    for _ in range(24):
        depth = rng.uniform(0.05, 1)
        w, h = np.array([0.14, 0.16]) * height * depth * rng.uniform(0.5, 1.5, 2) * (1.5, 1)
        cx, base = rng.uniform(0, width), horizon + (height - horizon) * depth * 0.8
        radius, cy = 0.35 * h + 3, max(base - 2.2 * h, 8)
        # Only the pixels that the object can touch.
        rows = slice(int(max(min(base - h, cy - radius), 0)), int(max(base, cy + radius)) + 2)
        reach = max(w / 2, radius, 2) + 1
        columns = slice(int(max(cx - reach, 0)), int(cx + reach) + 2)
        image, xs, ys = full[rows, columns], grid_x[rows, columns], grid_y[rows, columns]
        if rng.uniform() < 0.5:
            body = (np.abs(xs - cx) < w / 2) & (ys < base) & (ys > base - h)
            image[body] = rng.uniform(0, 255, 3)
            image[body & (ys < base - 0.55 * h) & (np.abs(xs - cx) < 0.4 * w)] = (60, 50, 40)
        else:
            far = np.hypot(xs - cx, ys - cy)
            image[(np.abs(xs - cx) < 1.5) & (ys > cy) & (ys < base)] = 120
            image[far < radius] = rng.uniform(0, 255, 3)
            image[far < 0.7 * radius] = 240
    return full.round().astype(np.uint8)


def draw_noise(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8 uniform noise."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
