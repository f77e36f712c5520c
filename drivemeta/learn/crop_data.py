"""Training crops of level 2: sign crops of several countries, light states, objects, background."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.banks.named import BACKGROUND
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.data.images import read_image
from drivemeta.data.meanings import meaning_of
from drivemeta.data.sources import COMPLETE, SUPER_CLASSES, SourceImage
from drivemeta.errors import AnnotationError
from drivemeta.learn.photometric import degrade, jitter_colours, simulate_distance
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.traced.proposals import propose

STORED_SIZE = 96
SCENE_CONTEXT = 1.6
FILE_CONTEXT = 1.1
VEHICLE_LIGHT = "vehicle_light"
WIDE_VEHICLE = 60.0
MINED_SCORE = 0.03
MINED_PER_IMAGE = 8
LEAST_SIDE = 9.0


@dataclass(frozen=True, eq=False)
class Crop:
    """One object with some surroundings, stretched to a square.

    Attributes:
        image: (96, 96, 3) uint8, RGB.
        context: how many times larger than the object the image is, along each axis.
    """

    image: NDArray[np.uint8]
    context: float


CropsByClass = dict[str, list[Crop]]


def sign_crops(root: Path, countries: Iterable[str]) -> CropsByClass:
    """Read the sign crops of countries, named by their meaning.

    Args:
        root: folder of `COUNTRY/manifest.csv` with columns path, class, group.
        countries: folder names.
    """
    crops: CropsByClass = defaultdict(list)
    for country in countries:
        for row in read_manifest(root / country / "manifest.csv"):
            meaning = meaning_of(country, row["class"])
            if meaning is not None:
                crops[meaning].append(read_crop(root / row["path"]))
    return crops


def mined_crops(
    images: list[SourceImage], detector: TwoLevelDetector, n: int, rng: np.random.Generator
) -> CropsByClass:
    """Cut places that level 1 takes for objects, and that are none, out of scenes.

    Only super-classes that the scene's source annotates completely are believed.

    Args:
        images: shuffled, and read until there are enough crops.
        detector: its level 1 is asked.
        n: crops wanted.
        rng: shuffles the images.
    """
    crops: list[Crop] = []
    for index in rng.permutation(len(images)):
        source = images[index]
        frame = _frame(source.path)
        found = propose(detector, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), MINED_SCORE)
        apart = iou_matrix(found.boxes, source.boxes).max(1, initial=0) < 0.1
        sides = (found.boxes[:, 2:] - found.boxes[:, :2]).min(1, initial=np.inf)
        wrong = apart & (source.coverage[found.roots] == COMPLETE) & (sides > LEAST_SIDE)
        crops += [cut(frame, box, SCENE_CONTEXT) for box in found.boxes[wrong][:MINED_PER_IMAGE]]
        if len(crops) >= n:
            break
    return {BACKGROUND: crops[:n]}


def vehicle_light_crops(
    images: list[SourceImage], n: int, rng: np.random.Generator
) -> CropsByClass:
    """Cut the places of head and tail lights out of vehicles: they glow like traffic lights."""
    crops: list[Crop] = []
    vehicle = SUPER_CLASSES.index("vehicle")
    for index in rng.permutation(len(images)):
        source = images[index]
        width = source.boxes[:, 2] - source.boxes[:, 0]
        for i in np.flatnonzero((source.labels == vehicle) & (width > WIDE_VEHICLE))[:2]:
            left, top, right, bottom = source.boxes[i]
            side = width[i] * rng.uniform(0.1, 0.25)
            x = left + side / 2 if rng.random() < 0.5 else right - side / 2
            y = top + (bottom - top) * rng.uniform(0.35, 0.7)
            height = side * rng.uniform(0.8, 1.6)
            low, high = (x - side / 2, y - height / 2), (x + side / 2, y + height / 2)
            box = np.array([*low, *high], np.float32)
            crops.append(cut(_frame(source.path), box, SCENE_CONTEXT))
        if len(crops) >= n:
            break
    return {VEHICLE_LIGHT: crops[:n]}


def light_crops(root: Path) -> CropsByClass:
    """Read traffic-light crops, named `red_light`, `yellow_light` and `green_light`."""
    crops: CropsByClass = defaultdict(list)
    for row in read_manifest(root / "lights" / "manifest.csv"):
        crops[f"{row['class']}_light"].append(read_crop(root / row["path"]))
    return crops


def scene_crops(
    images: list[SourceImage],
    name_of: dict[str, str],
    at_most: int,
    rng: np.random.Generator,
) -> CropsByClass:
    """Cut annotated objects out of scenes.

    Args:
        images: of a source whose boxes carry a category in `leaves` or a super-class.
        name_of: category to class name; others are left out.
        at_most: crops a class.
        rng: chooses them.
    """
    crops: CropsByClass = defaultdict(list)
    for index in rng.permutation(len(images)):
        source = images[index]
        names = [name_of.get(str(leaf)) for leaf in source.leaves]
        sides = (source.boxes[:, 2:] - source.boxes[:, :2]).min(1, initial=np.inf)
        wanted = [
            i
            for i, name in enumerate(names)
            if name
            and not source.ignore[i]
            and sides[i] > LEAST_SIDE
            and len(crops[name]) < at_most
        ]
        if wanted:
            frame = _frame(source.path)
            for i in wanted:
                crops[str(names[i])].append(cut(frame, source.boxes[i], SCENE_CONTEXT))
    return {name: found for name, found in crops.items() if found}


def background_crops(images: list[SourceImage], n: int, rng: np.random.Generator) -> CropsByClass:
    """Cut places without an object, of the size of signs, out of scenes."""
    crops: list[Crop] = []
    while len(crops) < n:
        source = images[rng.integers(len(images))]
        frame = _frame(source.path)
        height, width = frame.shape[:2]
        for _ in range(4):
            size = np.exp(rng.uniform(np.log(12), np.log(70), 2))
            low = rng.uniform((0, 0), np.maximum((width, height) - size, 1))
            box = np.concatenate([low, low + size]).astype(np.float32)
            if not len(source.boxes) or iou_matrix(box[None], source.boxes).max() < 0.1:
                crops.append(cut(frame, box, SCENE_CONTEXT))
    return {BACKGROUND: crops}


def cut(frame: NDArray[np.uint8], box: FloatArray, context: float) -> Crop:
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
        crop: the object and its surroundings.
        context: how much larger than the object the view is on average.
        rng: of all that is random.
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


class CropSampler:
    """Draws batches of `n_classes` classes with `n_each` augmented views of each.

    Args:
        crops: by class name; classes are numbered in sorted order.
        context: how much larger than the object a view is.
        seed: of all that is random.
    """

    def __init__(self, crops: CropsByClass, context: float, seed: int) -> None:
        self.names = tuple(sorted(crops))
        self._crops = [crops[name] for name in self.names]
        frequency = np.sqrt([min(len(found), 200) for found in self._crops])
        self._weights = frequency / frequency.sum()
        self._context = context
        self._rng = np.random.default_rng(seed)

    def batch(self, n_classes: int, n_each: int) -> tuple[Tensor, Tensor]:
        """Return (n_classes * n_each, 3, 64, 64) float RGB in [0, 1] and int64 labels."""
        rng = self._rng
        labels = rng.choice(len(self._crops), n_classes, replace=False, p=self._weights)
        labels = np.repeat(labels, n_each)
        views = []
        for label in labels:
            found = self._crops[label]
            views.append(augment(found[rng.integers(len(found))], self._context, rng))
        return crops_to_tensor(views), torch.from_numpy(labels)


def crops_to_tensor(views: list[NDArray[np.uint8]]) -> Tensor:
    """Stack (64, 64, 3) uint8 RGB views as (n, 3, 64, 64) float in [0, 1]."""
    stacked = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255
    return stacked.contiguous(memory_format=torch.channels_last)


def read_crop(path: Path) -> Crop:
    """Read the file of a crop.

    Raises:
        AnnotationError: it is missing or no image.
    """
    resized = cv2.resize(_frame(path), (STORED_SIZE, STORED_SIZE))
    return Crop(np.asarray(resized, np.uint8), FILE_CONTEXT)


def _frame(path: Path) -> NDArray[np.uint8]:
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
