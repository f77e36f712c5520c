"""What is annotated twice: equal pictures under several names, and nearly equal boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import iou_matrix
from drivemeta.data.dataset import AnnotatedImage, Dataset, SetAside
from drivemeta.errors import AnnotationError

SAME_IOU = 0.8
_SAME_PICTURE = "the same picture under another name"
_SAME_BOX = "nearly the same box as another of its class"


def count_once(dataset: Dataset, firsts: Sequence[int]) -> Dataset:
    """Return the data set without what is there twice, which is no independent shot.

    The boxes of equal pictures are all of the first one; of nearly equal boxes of one class the
    first one stays.

    Args:
        dataset: Checked images.
        firsts: Index of the first image that shows the same picture, of each.

    Raises:
        AnnotationError: One and the same crop is given as two classes.
    """
    groups: dict[int, list[AnnotatedImage]] = defaultdict(list)
    for image, first in zip(dataset.images, firsts, strict=True):
        groups[first].append(image)
    aside: list[SetAside] = []
    images = []
    for same in groups.values():
        _check_crops(same, dataset)
        aside += [
            SetAside(image.path.name, f"the picture, as {same[0].path.name}", _SAME_PICTURE)
            for image in same[1:]
        ]
        images.append(_distinct(_joined(same), dataset, aside))
    n_pictures = len(dataset.images) - len(images)
    n_boxes = sum(map(len, dataset.images)) - sum(map(len, images))
    notes = _notes(n_pictures, n_boxes)
    return replace(
        dataset,
        images=tuple(images),
        set_aside=(*dataset.set_aside, *aside),
        notes=(*dataset.notes, *notes),
    )


def objects_once(dataset: Dataset) -> Dataset:
    """Return the data set with one shot of each object: what shows it again is a further view.

    Args:
        dataset: Checked images, whose `objects` tell which boxes show the same.
    """
    seen: set[tuple[int, int]] = set()
    images, n_again = [], 0
    for image in dataset.images:
        ignore = image.ignore.copy()
        for row in np.flatnonzero(~ignore & (image.objects >= 0)):
            one = (int(image.objects[row]), int(image.labels[row]))
            ignore[row] = one in seen
            seen.add(one)
        n_again += int((ignore & ~image.ignore).sum())
        images.append(replace(image, ignore=ignore))
    if not n_again:
        return dataset
    note = f"{'1 box shows an object' if n_again == 1 else f'{n_again} boxes show objects'} again"
    more = f"{note}: learnt as further views, not as shots"
    return replace(dataset, images=tuple(images), notes=(*dataset.notes, more))


def _check_crops(same: Sequence[AnnotatedImage], dataset: Dataset) -> None:
    names = sorted({dataset.classes[label] for image in same for label in image.labels})
    if same[0].attributes.get("crop") and len(names) > 1:
        paths = ", ".join(str(image.path) for image in same)
        raise AnnotationError(
            f"{dataset.source}: one picture is given as {' and as '.join(map(repr, names))} "
            f"({paths}); keep it in the folder of its class"
        )


def _joined(same: Sequence[AnnotatedImage]) -> AnnotatedImage:
    """Return the first image with the boxes of all."""
    if len(same) == 1:
        return same[0]
    return replace(
        same[0],
        boxes=np.concatenate([image.boxes for image in same]),
        labels=np.concatenate([image.labels for image in same]),
        ignore=np.concatenate([image.ignore for image in same]),
        entries=tuple(entry for image in same for entry in image.entries),
        objects=np.concatenate([image.objects for image in same]),
    )


def _distinct(image: AnnotatedImage, dataset: Dataset, aside: list[SetAside]) -> AnnotatedImage:
    """Return the image without boxes that nearly equal an earlier one of their class."""
    same = iou_matrix(image.boxes, image.boxes) > SAME_IOU
    same &= image.labels[:, None] == image.labels[None]
    same &= ~(image.ignore[:, None] | image.ignore[None])
    kept: NDArray[np.bool_] = np.ones(len(image), np.bool_)
    for row in range(len(image)):
        earlier = np.flatnonzero(same[row, :row] & kept[:row])
        if len(earlier):
            kept[row] = False
            name = dataset.classes[image.labels[row]]
            what = f"{image.entries[row]} ({name!r}), as {image.entries[earlier[0]]}"
            aside.append(SetAside(image.path.name, what, _SAME_BOX))
    return image if kept.all() else image[kept]


def _notes(n_pictures: int, n_boxes: int) -> list[str]:
    notes = []
    if n_pictures:
        notes.append(
            f"{_n(n_pictures, 'picture')} the same as another under another name: counted once"
        )
    if n_boxes:
        notes.append(f"{_n(n_boxes, 'box')} nearly the same as another of its class: counted once")
    return notes


def _n(n: int, what: str) -> str:
    return f"1 {what} is" if n == 1 else f"{n} {what}{'es' if what == 'box' else 's'} are"
