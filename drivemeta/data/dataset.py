"""Annotated images as values: what every reader returns and every consumer takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray

MOST_SHOWN = 8  # classes, where a data set prints itself


@dataclass(frozen=True)
class SetAside:
    """What a reader or a check left out: the file's name, the thing in it, and the reason."""

    file: str
    what: str
    why: str


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """One image file and the objects annotated in it; the pixels stay on disk.

    Attributes:
        path: Image file.
        size: Height and width in pixels.
        boxes: (n, 4) float32 xyxy in pixels of the image, as annotated: not clipped.
        labels: (n,) int64, indices into the classes of the data set.
        ignore: (n,) bool, regions that are neither to be learnt nor to be scored (a crowd, a
            difficult object).
        entries: Places of the boxes in their annotation file, for messages ("annotation 17").
        objects: (n,) int64, number of the object that each box shows, -1 where that is not told.
            In a support set, one box of each is learnt as a shot, and the others are to be ignored:
            they are further views of it.
        attributes: What else the file says of the image (`split`, `clip`, ...).
        size_is_stated: Whether the annotation file states the size, else it is the picture's own.

    Raises:
        ValueError: shapes or types do not fit together.
    """

    path: Path
    size: tuple[int, int]
    boxes: FloatArray
    labels: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    entries: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    size_is_stated: bool = True
    objects: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        n = len(self.labels)
        if not len(self.objects):
            object.__setattr__(self, "objects", np.full(n, -1, np.int64))
        expected = {
            "boxes": ((n, 4), np.dtype(np.float32)),
            "labels": ((n,), np.dtype(np.int64)),
            "ignore": ((n,), np.dtype(np.bool_)),
            "objects": ((n,), np.dtype(np.int64)),
        }
        for name, (shape, dtype) in expected.items():
            value = getattr(self, name)
            if value.shape != shape or value.dtype != dtype:
                raise ValueError(
                    f"AnnotatedImage.{name} must be {shape} {dtype}, "
                    f"found {value.shape} {value.dtype}"
                )
        if not self.entries:
            object.__setattr__(self, "entries", tuple(f"box {i + 1}" for i in range(n)))
        if len(self.entries) != n:
            raise ValueError(f"AnnotatedImage.entries must be {n}, found {len(self.entries)}")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> AnnotatedImage:
        """Select boxes by a mask or by indices; the image stays."""
        rows = np.arange(len(self))[index]
        return replace(
            self,
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            ignore=self.ignore[rows],
            entries=tuple(self.entries[i] for i in rows),
            objects=self.objects[rows],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Annotated images with the names of their classes.

    Attributes:
        images: Images in the order of the annotation file.
        classes: Class names in the order of the labels.
        source: File or folder it was read from, for messages.
        format: Name of the format it was recognised as.
        set_aside: What of the file is not in it, and why.
        notes: What looks odd, a sentence each.

    Raises:
        ValueError: a label has no class, or a class name occurs twice.
    """

    images: tuple[AnnotatedImage, ...]
    classes: tuple[str, ...]
    source: Path = Path()
    format: str = ""
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"class names must be unique, found {self.classes}")
        for image in self.images:
            if len(image) and not (
                image.labels.min() >= 0 and image.labels.max() < len(self.classes)
            ):
                raise ValueError(f"{image.path}: a label lies outside 0..{len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        counts = [f"{name} {n}" for name, n in self.n_boxes().items()]
        more = f" and {len(counts) - MOST_SHOWN} more classes" if counts[MOST_SHOWN:] else ""
        return (
            f"Dataset({str(self.source)!r}, {len(self)} images, boxes: "
            f"{', '.join(counts[:MOST_SHOWN]) or 'none'}{more})"
        )

    def select(self, keep: Callable[[AnnotatedImage], bool] | Iterable[int]) -> Dataset:
        """Return the images that a predicate accepts, or those of the given indices."""
        if callable(keep):
            return replace(self, images=tuple(image for image in self.images if keep(image)))
        return replace(self, images=tuple(self.images[i] for i in keep))

    def split(self, name: str) -> Dataset:
        """Return the images whose attribute `split` has that value."""
        return self.select(lambda image: image.attributes.get("split") == name)

    def map_classes(
        self, mapping: Mapping[str, str], classes: Iterable[str] | None = None
    ) -> Dataset:
        """Rename or merge classes; boxes of classes that the mapping lacks are dropped.

        Args:
            mapping: New name by old name.
            classes: Names and order of the new classes; those of the mapping, sorted, if None.

        >>> Dataset((), ("car", "bus")).map_classes({"car": "vehicle", "bus": "vehicle"}).classes
        ('vehicle',)
        """
        names = tuple(sorted(set(mapping.values()))) if classes is None else tuple(classes)
        table = np.array(
            [names.index(mapping[old]) if old in mapping else -1 for old in self.classes],
            np.int64,
        )
        images = []
        for image in self.images:
            labels = table[image.labels] if len(image) else image.labels
            kept = labels >= 0
            images.append(replace(image[kept], labels=labels[kept]))
        return replace(self, images=tuple(images), classes=names)

    def n_boxes(self) -> dict[str, int]:
        """Return how many boxes each class has, ignored ones left out."""
        counts = np.zeros(len(self.classes), np.int64)
        for image in self.images:
            counts += np.bincount(image.labels[~image.ignore], minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}
