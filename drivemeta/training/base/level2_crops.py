"""Training crops of level 2: sign crops of several countries, light states, objects, background."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from drivemeta.banks.named import BACKGROUND
from drivemeta.core import SUPER_CLASSES
from drivemeta.core.boxes import iou_matrix
from drivemeta.data.meanings import meaning_of
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import propose
from drivemeta.training.base.sources import COMPLETE, SourceImage
from drivemeta.training.crops import (
    Crop,
    augment,
    crops_to_tensor,
    cut_crop,
    read_crop,
    read_frame,
    read_manifest,
)

SCENE_CONTEXT = 1.6
VEHICLE_LIGHT = "vehicle_light"
WIDE_VEHICLE = 60.0
MINED_SCORE = 0.03
MINED_PER_IMAGE = 8
LEAST_SIDE = 9.0


CropsByClass = dict[str, list[Crop]]


def sign_crops(root: Path, countries: Iterable[str]) -> CropsByClass:
    """Read the sign crops of countries, named by their meaning.

    Args:
        root: Folder of `COUNTRY/manifest.csv` with columns path, class, group.
        countries: Folder names.
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
        images: Images, shuffled, and read until there are enough crops.
        detector: Detector whose level 1 proposes.
        n: Number of crops.
        rng: Generator that shuffles the images.
    """
    crops: list[Crop] = []
    for index in rng.permutation(len(images)):
        source = images[index]
        frame = read_frame(source.path)
        found = propose(detector, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), MINED_SCORE)
        apart = iou_matrix(found.boxes, source.boxes).max(1, initial=0) < 0.1
        sides = (found.boxes[:, 2:] - found.boxes[:, :2]).min(1, initial=np.inf)
        wrong = apart & (source.coverage[found.roots] == COMPLETE) & (sides > LEAST_SIDE)
        crops += [
            cut_crop(frame, box, SCENE_CONTEXT) for box in found.boxes[wrong][:MINED_PER_IMAGE]
        ]
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
            crops.append(cut_crop(read_frame(source.path), box, SCENE_CONTEXT))
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
        images: Images of a source whose boxes carry a category in `leaves` or a super-class.
        name_of: Class name by category; others are left out.
        at_most: Greatest number of crops a class.
        rng: Generator that chooses them.
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
            frame = read_frame(source.path)
            for i in wanted:
                crops[str(names[i])].append(cut_crop(frame, source.boxes[i], SCENE_CONTEXT))
    return {name: found for name, found in crops.items() if found}


def background_crops(images: list[SourceImage], n: int, rng: np.random.Generator) -> CropsByClass:
    """Cut places without an object, of the size of signs, out of scenes."""
    crops: list[Crop] = []
    while len(crops) < n:
        source = images[rng.integers(len(images))]
        frame = read_frame(source.path)
        height, width = frame.shape[:2]
        for _ in range(4):
            size = np.exp(rng.uniform(np.log(12), np.log(70), 2))
            low = rng.uniform((0, 0), np.maximum((width, height) - size, 1))
            box = np.concatenate([low, low + size]).astype(np.float32)
            if not len(source.boxes) or iou_matrix(box[None], source.boxes).max() < 0.1:
                crops.append(cut_crop(frame, box, SCENE_CONTEXT))
    return {BACKGROUND: crops}


class ClassCropSampler:
    """Draws batches of `n_classes` classes with `n_each` augmented views of each.

    Args:
        crops: Crops by class name; classes are numbered in sorted order.
        context: Side of a view in sides of the object.
        seed: Seed of all that is random.
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
