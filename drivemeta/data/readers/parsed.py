"""What the readers of one-file-an-image formats have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drivemeta.data.dataset import AnnotatedImage, Dataset

_SPLITS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True)
class ParsedBox:
    """One box as read: where it stands in its file, xyxy in pixels, and its class name."""

    entry: str
    xyxy: Sequence[float]
    name: str
    ignore: bool = False


@dataclass(frozen=True)
class ParsedImage:
    """One image as read; size is height and width in pixels."""

    path: Path
    size: tuple[int, int]
    boxes: Sequence[ParsedBox]
    attributes: Mapping[str, object] = field(default_factory=dict)


def dataset_of(
    images: Sequence[ParsedImage], source: Path, classes: Sequence[str] | None = None
) -> Dataset:
    """Build a data set; without given classes they are the names that occur, sorted."""
    if classes is None:
        classes = sorted({box.name for image in images for box in image.boxes})
    labels = {name: label for label, name in enumerate(classes)}
    found = [
        AnnotatedImage(
            path=image.path,
            size=image.size,
            boxes=np.array([box.xyxy for box in image.boxes], np.float32).reshape(-1, 4),
            labels=np.array([labels[box.name] for box in image.boxes], np.int64),
            ignore=np.array([box.ignore for box in image.boxes], np.bool_),
            entries=tuple(box.entry for box in image.boxes),
            attributes=image.attributes,
        )
        for image in images
    ]
    return Dataset(tuple(found), tuple(classes), source)


def split_of(path: Path, root: Path) -> dict[str, str]:
    """Return the attribute `split` that the folders below `root` tell, if they do.

    >>> split_of(Path("data/valid/images/a.jpg"), Path("data"))
    {'split': 'val'}
    """
    for part in reversed(path.relative_to(root).parts[:-1]):
        if part.lower() in _SPLITS:
            return {"split": _SPLITS[part.lower()]}
    return {}
