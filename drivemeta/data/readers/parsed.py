"""What all readers have in common: boxes and images as read, and the data set made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drivemeta.core.boxes import clip_boxes
from drivemeta.data.dataset import AnnotatedImage, Dataset, SetAside
from drivemeta.data.readers.files import image_size
from drivemeta.data.readers.values import as_name

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_MOST_NAMED = 3


@dataclass(frozen=True)
class ParsedBox:
    """One box as read: where it stands in its file, xyxy in pixels, and its class name.

    `is_round` says that it was put round a turned or round shape: its corners may stick out.
    `object` is the number of the object that it shows, -1 where that is not told.
    """

    entry: str
    xyxy: Sequence[float]
    name: str
    ignore: bool = False
    is_round: bool = False
    object: int = -1


@dataclass(frozen=True)
class ParsedImage:
    """One image as read; size is height and width in pixels, None if its file does not tell."""

    path: Path
    size: tuple[int, int] | None
    boxes: Sequence[ParsedBox]
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ReaderFindings:
    """What a reader found beside the images.

    Attributes:
        format: Name of the format.
        set_aside: What is left out, and why.
        renamed: Pictures found under other names than annotated.
        notes: What looks odd.
    """

    format: str
    set_aside: Sequence[SetAside] = ()
    renamed: Sequence[str] = ()
    notes: Sequence[str] = ()


def dataset_of(
    images: Sequence[ParsedImage],
    source: Path,
    found: ReaderFindings,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Build a data set; without given classes they are the names that occur, sorted.

    Raises:
        AnnotationError: The name of a class is empty or holds control characters.
    """
    for image in images:
        for box in image.boxes:
            as_name(box.name, f"{source}: {box.entry}")
    if classes is None:
        classes = sorted({box.name for image in images for box in image.boxes})
    for name in classes:
        as_name(name, f"{source}: classes")
    labels = {name: label for label, name in enumerate(classes)}
    return Dataset(
        images=tuple(_annotated(image, labels) for image in images),
        classes=tuple(classes),
        source=source,
        format=found.format,
        set_aside=tuple(found.set_aside),
        notes=(*found.notes, *_renamed(found.renamed)),
    )


def _annotated(image: ParsedImage, labels: Mapping[str, int]) -> AnnotatedImage:
    size = image.size or image_size(image.path)
    boxes = np.array([box.xyxy for box in image.boxes], np.float32).reshape(-1, 4)
    is_round = np.array([box.is_round for box in image.boxes], np.bool_)
    boxes[is_round] = clip_boxes(boxes[is_round], *size)
    return AnnotatedImage(
        path=image.path,
        size=size,
        boxes=boxes,
        labels=np.array([labels[box.name] for box in image.boxes], np.int64),
        ignore=np.array([box.ignore for box in image.boxes], np.bool_),
        entries=tuple(box.entry for box in image.boxes),
        attributes=image.attributes,
        size_is_stated=image.size is not None,
        objects=np.array([box.object for box in image.boxes], np.int64),
    )


def _renamed(renamed: Sequence[str]) -> list[str]:
    if not renamed:
        return []
    more = ", ..." if len(renamed) > _MOST_NAMED else ""
    shown = ", ".join(renamed[:_MOST_NAMED])
    n = len(renamed)
    return [f"{n} picture{'s' * (n != 1)} found under another name than annotated: {shown}{more}"]


def named(paths: Sequence[Path], what: str) -> str:
    """Return how many files there are, and the first of their names.

    >>> named([Path("x/a.jpg"), Path("x/b.jpg")], "picture")
    '2 pictures (a.jpg, b.jpg)'
    """
    more = ", ..." if len(paths) > _MOST_NAMED else ""
    shown = ", ".join(path.name for path in paths[:_MOST_NAMED])
    return f"{len(paths)} {what}{'s' * (len(paths) != 1)} ({shown}{more})"


def without_annotations(images: Sequence[Path]) -> list[str]:
    """Return a note on images that have no annotation file of their own."""
    if not images:
        return []
    one = len(images) == 1
    return [
        f"{named(images, 'picture')} {'has' if one else 'have'} no file of annotations: taken for "
        "frames in which nothing is to be found"
    ]


def split_of(path: Path, root: Path) -> dict[str, str]:
    """Return the attribute `split` that the folders below `root` tell, if they do.

    >>> split_of(Path("data/valid/images/a.jpg"), Path("data"))
    {'split': 'val'}
    """
    split = split_in(path.relative_to(root).parts[:-1])
    return {"split": split} if split else {}


def split_in(folders: Sequence[str]) -> str:
    """Return the part of a data set that the last of some folders tells, empty if none does.

    >>> split_in(["coco", "val2017", "images"])
    'val'
    """
    words = [folder.lower().rstrip("0123456789") for folder in folders]
    found = [_SPLITS[word] for word in words if word in _SPLITS]
    return found[-1] if found else ""
