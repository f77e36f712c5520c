"""The support set: the few annotated boxes that a new class is learnt from."""

from __future__ import annotations

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import clip_boxes
from drivemeta.data.check_sheet import check_sheet_png
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.duplicates import count_once, objects_once
from drivemeta.data.oddities import (
    alike_names,
    confused_boxes,
    look_at,
    sliver_notes,
    whole_pictures,
    without_unused,
)
from drivemeta.data.re_encoded import Seen, same_pictures
from drivemeta.data.readers import read_annotations, read_coco
from drivemeta.data.readers.crops import CROP
from drivemeta.data.readers.files import image_size
from drivemeta.data.readers.orientation import upright
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.stretch import stretched
from drivemeta.errors import AnnotationError

_TOLERANCE_PX = 2.0
_LEAST_SIDE_PX = 2.0


@dataclass(frozen=True, eq=False)
class SupportSet:
    """Annotated images of new classes; a shot is a box.

    Attributes:
        dataset: Images with their boxes, which lie inside them; each class has at least one.
    """

    dataset: Dataset

    def __repr__(self) -> str:
        return repr(self.dataset).replace("Dataset", "SupportSet", 1)

    def _repr_png_(self) -> bytes:
        return check_sheet_png(self.dataset)

    @classmethod
    def from_coco(
        cls,
        path: str | Path,
        images: str | Path | None = None,
        reading: Reading = AS_IT_IS,
    ) -> SupportSet:
        """Read and check a COCO JSON file; `images` is the folder of the images.

        Raises:
            AnnotationError: as `of` and `read_coco` say.
        """
        return cls.of(stretched(upright(read_coco(path, images), reading), reading), reading)

    @classmethod
    def from_path(
        cls,
        path: str | Path,
        images: str | Path | None = None,
        reading: Reading = AS_IT_IS,
    ) -> SupportSet:
        """Read and check a support set in any format that `read_annotations` knows.

        Raises:
            AnnotationError: as `of` and `read_annotations` say.
        """
        return cls.of(read_annotations(path, images, reading), reading)

    @classmethod
    def of(cls, dataset: Dataset, reading: Reading = AS_IT_IS) -> SupportSet:
        """Check a data set as a support set; boxes are clipped to their images.

        Equal pictures, those encoded anew included, and nearly equal boxes count once, objects
        that are seen again are one shot, and classes without a box are left out; `dataset.notes`
        and `dataset.set_aside` of the result say so.

        Raises:
            AnnotationError: there are no boxes, an image is listed twice, cannot be read or is not
                of the size annotated, all boxes are whole pictures, or a box is degenerate or
                outside its image by more than two pixels; names the file and the entry.
        """
        if not any(dataset.n_boxes().values()):
            raise AnnotationError(_no_boxes(dataset))
        seen: dict[Path, int] = {}
        images, pixels = [], []
        for position, image in enumerate(dataset.images):
            if seen.setdefault(image.path.resolve(), position) != position:
                raise AnnotationError(f"{dataset.source}: the image {image.path} is listed twice")
            pixels.append(look_at(image.path))
            _check_size(image, dataset.source)
            images.append(_check_boxes(image, dataset))
        checked = replace(dataset, images=tuple(images))
        notes = (*dataset.notes, *sliver_notes(checked, pixels))
        seen_as = [
            Seen(image.path, looked.digest, image.size, looked.thumbnail)
            for image, looked in zip(images, pixels, strict=True)
        ]
        once = objects_once(count_once(replace(checked, notes=notes), same_pictures(seen_as)))
        whole = without_unused(whole_pictures(once, reading))
        return cls(
            replace(whole, notes=(*whole.notes, *alike_names(whole), *confused_boxes(whole)))
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the labels."""
        return self.dataset.classes

    @property
    def images(self) -> tuple[AnnotatedImage, ...]:
        """The images, those without boxes included."""
        return self.dataset.images

    @property
    def n_boxes(self) -> dict[str, int]:
        """How many boxes each class has, ignored ones left out."""
        return self.dataset.n_boxes()

    @property
    def of_crops(self) -> bool:
        """Whether the images are plain crops, one object each, and no scenes."""
        return all(image.attributes.get(CROP, False) for image in self.images)

    @cached_property
    def digest(self) -> str:
        """The sha256 over classes, boxes and image files, in hexadecimal."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for image in self.images:
            digest.update(hashlib.sha256(image.path.read_bytes()).digest())
            told = (image.objects >= 0).any()
            for array in (image.boxes, image.labels, image.ignore, image.objects)[: 3 + told]:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def draw(self, shots: int, seed: int) -> SupportSet:
        """Draw some boxes of each class; draws of one seed are nested (1 in 3 in 5).

        Only images with a drawn box remain, and their other boxes are marked as to be ignored.

        Args:
            shots: Number of boxes a class.
            seed: Seed of the draw.

        Raises:
            AnnotationError: a class has fewer boxes than that.
        """
        return SupportSet(draw_boxes(self.dataset, shots, seed))


def draw_boxes(dataset: Dataset, shots: int, seed: int) -> Dataset:
    """Draw `shots` boxes of each class of a data set, as `SupportSet.draw` says."""
    if shots < 1:
        raise AnnotationError(f"expected 1 or more shots, found {shots}")
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for position, image in enumerate(dataset.images):
        for row in np.flatnonzero(~image.ignore):
            places[int(image.labels[row])].append((position, int(row)))
    drawn: dict[int, list[int]] = defaultdict(list)
    for label, name in enumerate(dataset.classes):
        rows = places[label]
        if len(rows) < shots:
            raise AnnotationError(
                f"{dataset.source}: expected {shots} boxes of class {name!r}, found {len(rows)}; "
                "annotate more or draw fewer shots"
            )
        # Seeded by name, so that the draw of a class does not depend on which others are there.
        order = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(len(rows))
        for i in order[:shots]:
            drawn[rows[i][0]].append(rows[i][1])
    images = tuple(_keep(dataset.images[p], drawn[p]) for p in sorted(drawn))
    return replace(dataset, images=images)


def _keep(image: AnnotatedImage, rows: Sequence[int]) -> AnnotatedImage:
    ignore: NDArray[np.bool_] = np.ones(len(image), np.bool_)
    ignore[list(rows)] = False
    return replace(image, ignore=ignore)


def _no_boxes(dataset: Dataset) -> str:
    n_ignored = sum(map(len, dataset.images))
    aside = n_ignored + len(dataset.set_aside)
    why = f" ({aside} are set aside: crowds, difficult ones, shapes without a box)" if aside else ""
    return (
        f"{dataset.source}: no boxes in {len(dataset)} images; expected at least one a class{why}"
    )


def _check_size(image: AnnotatedImage, source: Path) -> None:
    """Refuse an image that is not of the annotated size."""
    size = image_size(image.path)
    if size != image.size:
        raise AnnotationError(
            f"{source}: {image.path.name} is annotated as {image.size[1]}x{image.size[0]} pixels, "
            f"but the file has {size[1]}x{size[0]}; annotate the image that is given"
        )


def _check_boxes(image: AnnotatedImage, dataset: Dataset) -> AnnotatedImage:
    """Return the image with boxes clipped by at most the tolerance."""
    height, width = image.size
    clipped = clip_boxes(image.boxes, height, width)
    off = np.abs(clipped - image.boxes).max(axis=1, initial=0)
    sides = (clipped[:, 2:] - clipped[:, :2]).min(axis=1, initial=np.inf)
    given = image.boxes[:, 2:] - image.boxes[:, :2]
    for row in np.flatnonzero(~image.ignore):
        name = dataset.classes[image.labels[row]]
        where = f"{dataset.source}: {image.entries[row]} ({name!r} in {image.path.name})"
        box = "[" + ", ".join(f"{x:g}" for x in image.boxes[row]) + "]"
        if given[row].min() <= 0:
            raise AnnotationError(f"{where}: the box {box} (xyxy) has no area")
        if off[row] > _TOLERANCE_PX:
            raise AnnotationError(
                f"{where}: the box {box} (xyxy) lies outside the image of {width}x{height} pixels"
            )
        if sides[row] < _LEAST_SIDE_PX:
            shares = np.abs(image.boxes[row]).max() <= 1
            hint = ": expected pixels, found shares of the image?" if shares else ""
            raise AnnotationError(
                f"{where}: the box {box} (xyxy) is narrower than {_LEAST_SIDE_PX:g} pixels{hint}"
            )
    return replace(image, boxes=clipped)
