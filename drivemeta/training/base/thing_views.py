"""Views of things for the thing-embedding: mirrored, far, dark, blurred, beside their box."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.core.boxes import FloatArray
from drivemeta.models.crops import roi_crops
from drivemeta.models.things import THING_CONTEXT, THING_CROP_SIZE
from drivemeta.training.base.thing_crops import Thing, shrunk
from drivemeta.training.photometric import degrade, jitter_colours

NEAREST, FARTHEST = 128.0, 16.0  # longer side of a thing in pixels
_SIZE = (THING_CROP_SIZE, THING_CROP_SIZE)

Image = NDArray[np.uint8]


def clean_view(thing: Thing) -> Tensor:
    """Return the (3, 112, 112) float RGB view in [0, 1] that the detector cuts of a thing."""
    image = torch.from_numpy(thing.image).permute(2, 0, 1).float() / 255
    box = torch.from_numpy(thing.box)[None]
    return roi_crops(image, box, THING_CONTEXT, THING_CROP_SIZE)[0]


def varied_view(thing: Thing, rng: np.random.Generator) -> Image:
    """Return a (112, 112, 3) uint8 RGB view: of some size on the road, beside its box, degraded."""
    if rng.random() < 0.8:
        thing = shrunk(thing, float(np.exp(rng.uniform(np.log(FARTHEST), np.log(NEAREST)))))
    view = _stretched(thing.image, _beside(thing, rng))
    if rng.random() < 0.5:
        view = np.asarray(cv2.flip(view, 1), np.uint8)
    view = jitter_colours(view, rng, strength=1.2)
    if rng.random() < 0.15:
        view = _at_night(view, rng)
    if rng.random() < 0.15:
        view = _moved(view, rng)
    return degrade(view, rng, chance=0.15)


def views_to_tensor(views: list[Image]) -> Tensor:
    """Stack (112, 112, 3) uint8 RGB views as (n, 3, 112, 112) float in [0, 1]."""
    stacked = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255
    return stacked.contiguous(memory_format=torch.channels_last)


def _beside(thing: Thing, rng: np.random.Generator) -> FloatArray:
    """Return the box with its context as a proposal has it: moved and scaled a little, clipped."""
    height, width = thing.image.shape[:2]
    sides = thing.box[2:] - thing.box[:2]
    centre = (thing.box[2:] + thing.box[:2]) / 2 + rng.normal(0, 0.05, 2) * sides
    half = sides / 2 * THING_CONTEXT * np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.05, 2))
    low = np.maximum(centre - half, 0)
    high = np.minimum(centre + half, (width, height))
    return np.concatenate([low, np.maximum(high, low + 1)]).astype(np.float32)


def _stretched(image: Image, box: FloatArray) -> Image:
    scale = THING_CROP_SIZE / (box[2:] - box[:2])
    matrix = np.array([[scale[0], 0, 0], [0, scale[1], 0]], np.float64)
    matrix[:, 2] = -scale * box[:2] + 0.5 * (scale - 1)  # pixels have their centres at halves
    warped = cv2.warpAffine(image, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _at_night(image: Image, rng: np.random.Generator) -> Image:
    """Darken a picture and add the noise of a camera that lacks light."""
    dark = image * rng.uniform(0.15, 0.5) + rng.normal(0, rng.uniform(1, 6), image.shape)
    return np.clip(dark, 0, 255).astype(np.uint8)


def _moved(image: Image, rng: np.random.Generator) -> Image:
    """Blur along a line, as a moving camera does."""
    length = int(rng.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(-30, 30), 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    blurred = cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6))
    return np.asarray(blurred, np.uint8)
