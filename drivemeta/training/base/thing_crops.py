"""Things to train the thing-embedding with: lists of crops, and boxes cut out of scenes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.data.readers.coco import read_coco
from drivemeta.errors import AnnotationError
from drivemeta.training.crops import read_frame, read_manifest

SURROUNDINGS = 1.5
LARGEST = 160.0

# What the sources of scenes call the kinds that level 1 finds, by their common name.
SCENE_KINDS: dict[str, dict[str, str]] = {
    "bdd": {
        **{name: name for name in ("car", "truck", "bus", "train", "person", "rider")},
        "bike": "bicycle",
        "motor": "motorcycle",
    },
    "kitti": {"Car": "car", "Pedestrian": "person", "Cyclist": "cyclist"},
    "coco": {
        name: name
        for name in ("car", "truck", "bus", "train", "person", "bicycle", "motorcycle", "dog")
    },
}


@dataclass(frozen=True, eq=False)
class Thing:
    """One object with some surroundings, as sharp as its source shows it.

    Attributes:
        image: (height, width, 3) uint8, RGB.
        box: (4,) float32 xyxy, pixels of the image.
        name: Class name.
        group: Picture, drive or person that it is from: never support and query of one.
        source: Name of its source.
    """

    image: NDArray[np.uint8]
    box: FloatArray
    name: str
    group: str
    source: str

    @property
    def longest(self) -> float:
        """The longer side of the box in pixels."""
        return float((self.box[2:] - self.box[:2]).max())


def read_kinds(
    folder: Path,
    wanted: Callable[[str], bool],
    per_class: int | None = None,
    rng: np.random.Generator | None = None,
) -> list[Thing]:
    """Read a list of crops with boxes: `manifest.csv` with path, class, group, source, x1 to y2.

    Rows without a box are whole pictures.

    Args:
        folder: Folder of the list.
        wanted: Function that tells whether a class is read.
        per_class: Greatest number a class; all by default.
        rng: Generator that chooses them; the first ones without.

    Raises:
        AnnotationError: there is no such list, or a row of it is none.
        InputError: a picture cannot be read.
    """
    rows = read_manifest(folder / "manifest.csv")
    things, counts = [], Counter[str]()
    for index in range(len(rows)) if rng is None else rng.permutation(len(rows)):
        row = rows[index]
        try:
            corners = [row[side] for side in ("x1", "y1", "x2", "y2")]
            whole = [0, 0, int(row["width"]), int(row["height"])]
            box = np.array(corners if all(corners) else whole, np.float32)
            path, name, group, source = (row[k] for k in ("path", "class", "group", "source"))
        except (KeyError, ValueError) as error:
            raise AnnotationError(
                f"expected path, class, group, source, width, height, x1, y1, x2 and y2 in every "
                f"row of {folder / 'manifest.csv'}, found {row}: {error}"
            ) from error
        if not wanted(name) or counts[name] == per_class:
            continue
        counts[name] += 1
        things.append(shrunk(Thing(read_frame(folder / path), box, name, group, source)))
    return things


def scene_things(
    folder: Path,
    names: Mapping[str, str],
    least: float,
    split: str | None = None,
    per_class: int | None = None,
    *,
    rng: np.random.Generator | None = None,
) -> list[Thing]:
    """Cut annotated objects out of the scenes of a folder with `annotations.json`.

    Args:
        folder: Folder of a source of scenes.
        names: Common name by category; others are left out.
        least: Least width and height of a box in pixels.
        split: Split that images are of, None for all.
        per_class: Greatest number a class; all by default.
        rng: Generator that chooses the images; the first ones without.

    Raises:
        AnnotationError: its annotations are invalid.
        InputError: an image cannot be read.
    """
    dataset = read_coco(folder / "annotations.json")
    images = (dataset if split is None else dataset.split(split)).images
    things, counts = [], Counter[str]()
    for index in range(len(images)) if rng is None else rng.permutation(len(images)):
        image = images[index]
        sides = (image.boxes[:, 2:] - image.boxes[:, :2]).min(1, initial=np.inf)
        kinds = [names.get(dataset.classes[label]) for label in image.labels]
        wanted = [
            (box, kind)
            for box, kind, side, ignored in zip(
                image.boxes, kinds, sides, image.ignore, strict=True
            )
            if kind is not None
            and side >= least
            and not ignored
            and (per_class is None or counts[kind] < per_class)
        ]
        counts.update(kind for _, kind in wanted)
        if wanted:
            frame = read_frame(image.path)
            things += [cut(frame, box, kind, image.path.stem, folder.name) for box, kind in wanted]
    return things


def cut(frame: NDArray[np.uint8], box: FloatArray, name: str, group: str, source: str) -> Thing:
    """Cut an xyxy box with its surroundings out of an RGB frame."""
    half = (box[2:] - box[:2]) / 2 * SURROUNDINGS
    centre = (box[2:] + box[:2]) / 2
    left, top = np.maximum(np.floor(centre - half), 0).astype(int)
    right, bottom = np.ceil(centre + half).astype(int)
    inside = box - np.array([left, top, left, top], np.float32)
    part = np.ascontiguousarray(frame[top:bottom, left:right])
    return shrunk(Thing(part, inside.astype(np.float32), name, group, source))


def shrunk(thing: Thing, largest: float = LARGEST) -> Thing:
    """Return a thing whose box's longer side is at most so many pixels."""
    scale = largest / max(thing.longest, 1.0)
    if scale >= 1:
        return thing
    height, width = thing.image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = np.asarray(cv2.resize(thing.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    factors = np.array([size[0] / width, size[1] / height] * 2, np.float32)
    return Thing(image, thing.box * factors, thing.name, thing.group, thing.source)
