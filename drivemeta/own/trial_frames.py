"""Frames to try ways on: annotated ones, a folder of images, or drawn scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import read_image
from drivemeta.errors import InputError
from drivemeta.files import list_images
from drivemeta.own.trial import TrialFrame
from drivemeta.synthetic import Plan, Scene, render

MOST_ANNOTATED, MOST_IMAGES, N_DRAWN = 24, 12, 6
DRAWN = "drawn scenes"


@dataclass(frozen=True, eq=False)
class TrialFrames:
    """Frames to try ways on.

    Attributes:
        frames: Frames, with boxes if they are known.
        source: What they are, in a few words.
    """

    frames: tuple[TrialFrame, ...]
    source: str


def annotated_frames(
    dataset: Dataset, targets: Mapping[str, str], supers: Sequence[str]
) -> TrialFrames:
    """Return the images of a data set with most boxes of the super-classes, in its order.

    Args:
        dataset: Annotated images.
        targets: Super-class by class, of the data as of the detector.
        supers: Super-classes that the detector finds.

    Raises:
        InputError: there is no such box.
    """
    known = {name: name for name in supers} | {k: v for k, v in targets.items() if v in supers}
    label = np.array(
        [supers.index(known[name]) if name in known else -1 for name in dataset.classes], np.int64
    )
    rows = [(label[image.labels] >= 0) & ~image.ignore for image in dataset.images]
    counts = np.array([int(each.sum()) for each in rows])
    chosen = sorted(np.argsort(-counts, kind="stable")[:MOST_ANNOTATED].tolist())
    frames = tuple(
        TrialFrame(
            read_image(dataset.images[i].path),
            dataset.images[i].boxes[rows[i]],
            label[dataset.images[i].labels[rows[i]]],
            dataset.images[i].path.name,
        )
        for i in chosen
        if counts[i]
    )
    if not frames:
        raise InputError(
            f"{dataset.source}: none of its boxes ({', '.join(dataset.classes[:12])}) is of a "
            f"class that the detector finds ({', '.join(supers)}); say which are by --map"
        )
    return TrialFrames(frames, f"{len(frames)} annotated images")


def image_frames(folder: Path) -> TrialFrames:
    """Return a few images of a folder, evenly chosen.

    Raises:
        InputError: there are none.
    """
    files = list_images(folder)
    if not files:
        raise InputError(f"--images: expected a folder of images, found none in {folder}")
    step = -(-len(files) // MOST_IMAGES)
    frames = tuple(TrialFrame(read_image(path), name=path.name) for path in files[::step])
    return TrialFrames(frames, f"{len(frames)} images")


def drawn_frames() -> TrialFrames:
    """Return drawn road scenes, for want of pictures."""
    frames = tuple(TrialFrame(drawn_scene(seed)) for seed in range(N_DRAWN))
    return TrialFrames(frames, f"{N_DRAWN} {DRAWN}")


def drawn_scene(seed: int, size: tuple[int, int] = (360, 640)) -> np.ndarray:
    """Return a drawn road scene by day, (height, width, 3) uint8 BGR."""
    scene = Scene(seed, size, "train", Plan(weather="clear", kind="urban"))
    return np.asarray(render(scene, 20).image, np.uint8)
