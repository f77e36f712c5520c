"""Crops of annotated boxes: cut, stored, read, warped."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.core.boxes import FloatArray
from drivemeta.data.readers.files import read_image
from drivemeta.errors import AnnotationError
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.training.photometric import degrade, jitter_colours, simulate_distance

STORED_SIZE = 96


FILE_CONTEXT = 1.1


@dataclass(frozen=True, eq=False)
class Crop:
    """One object with some surroundings, stretched to a square.

    Attributes:
        image: (96, 96, 3) uint8, RGB.
        context: Side of the image in sides of the object, along each axis.
    """

    image: NDArray[np.uint8]
    context: float


def cut_crop(frame: NDArray[np.uint8], box: FloatArray, context: float) -> Crop:
    """Cut an xyxy box out of an RGB frame with its surroundings, stretched to a square."""
    centre, size = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * context
    scale = STORED_SIZE / np.maximum(size, 1)
    shift = STORED_SIZE / 2 - scale * centre
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float64)
    flags = cv2.INTER_AREA if scale.min() < 1 else cv2.INTER_LINEAR
    image = cv2.warpAffine(
        frame,
        matrix,
        (STORED_SIZE, STORED_SIZE),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Crop(np.asarray(image, np.uint8), context)


def view(crop: Crop, context: float) -> NDArray[np.uint8]:
    """Return the (64, 64, 3) uint8 RGB view that is `context` times larger than the object."""
    return _warp(crop, np.full(2, crop.context / context), 0.0, np.zeros(2))


def augment(crop: Crop, context: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a (64, 64, 3) uint8 RGB view of a crop: place, scale, light, distance; no mirroring.

    Args:
        crop: Object and its surroundings.
        context: Side of the view in sides of the object, on average.
        rng: Generator of all that is random.
    """
    zoom = crop.context / context * np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.06, 2))
    changed = _warp(crop, zoom, np.deg2rad(rng.normal(0, 4)), rng.normal(0, 0.06, 2))
    changed = jitter_colours(changed, rng, strength=1.2)
    if rng.random() < 0.6:
        changed = simulate_distance(changed, rng)
    return degrade(changed, rng, chance=0.15)


def _warp(
    crop: Crop, zoom: NDArray[np.float64], angle: float, shift: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Zoom, rotate and shift about the centre; the shift is in sides of the view."""
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.diag(zoom * CROP_SIZE / STORED_SIZE) @ rotation
    offset = CROP_SIZE * (0.5 + shift) - linear @ np.full(2, STORED_SIZE / 2)
    matrix = np.column_stack([linear, offset])
    size = (CROP_SIZE, CROP_SIZE)
    warped = cv2.warpAffine(crop.image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def crops_to_tensor(views: list[NDArray[np.uint8]]) -> Tensor:
    """Stack (64, 64, 3) uint8 RGB views as (n, 3, 64, 64) float in [0, 1]."""
    stacked = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255
    return stacked.contiguous(memory_format=torch.channels_last)


def read_crop(path: Path) -> Crop:
    """Read the file of a crop.

    Raises:
        AnnotationError: it is missing or no image.
    """
    resized = cv2.resize(read_frame(path), (STORED_SIZE, STORED_SIZE))
    return Crop(np.asarray(resized, np.uint8), FILE_CONTEXT)


def read_frame(path: Path) -> NDArray[np.uint8]:
    """Return a picture as (height, width, 3) uint8 RGB.

    Raises:
        InputError: it cannot be read.
    """
    return np.asarray(cv2.cvtColor(read_image(path), cv2.COLOR_BGR2RGB), np.uint8)


def read_manifest(path: Path) -> list[dict[str, str]]:
    """Read the rows of a list of crops, by column.

    Raises:
        AnnotationError: there is no such file.
    """
    if not path.is_file():
        raise AnnotationError(f"expected a list of crops (path,class,group) at {path}")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
