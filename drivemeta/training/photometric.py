"""Changes of light, sharpness and noise that leave geometry alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def jitter_colours(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """Change brightness, contrast, gamma and colour balance of a (H, W, 3) uint8 image."""
    gain = np.exp(rng.normal(0, 0.18 * strength)) * np.exp(rng.normal(0, 0.05 * strength, 3))
    gamma = np.exp(rng.normal(0, 0.2 * strength))
    offset = rng.normal(0, 10 * strength)
    ramp = np.arange(256, dtype=np.float32)[:, None] / 255
    table = np.clip((ramp**gamma) * gain * 255 + offset, 0, 255).astype(np.uint8)
    changed: Image = cv2.LUT(image, table.reshape(256, 1, 3))
    if rng.random() < 0.5:
        grey = cv2.cvtColor(cv2.cvtColor(changed, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        saturation = float(np.clip(rng.normal(1, 0.3 * strength), 0.2, 1.8))
        changed = cv2.addWeighted(changed, saturation, grey, 1 - saturation, 0)
    return changed


def degrade(image: Image, rng: np.random.Generator, chance: float = 0.25) -> Image:
    """Blur, add sensor noise and compress as cameras do, each with a given chance."""
    if rng.random() < chance:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < chance:
        noise = rng.normal(0, rng.uniform(2, 10), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < chance:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        encoded = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return image


def simulate_distance(image: Image, rng: np.random.Generator, least: int = 9) -> Image:
    """Shrink an image to a random small size and back, as an object far away is seen.

    The short side becomes `least` pixels at the smallest; sizes are drawn log-uniformly.
    """
    height, width = image.shape[:2]
    short = min(height, width)
    if short <= least:
        return image
    target = float(np.exp(rng.uniform(np.log(least), np.log(short))))
    small = (
        max(1, round(width * target / short)),
        max(1, round(height * target / short)),
    )
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
