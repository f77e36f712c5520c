"""What looks odd in a support set that can be read: told, and learnt from all the same."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from drivemeta.core.boxes import FloatArray, box_area, iou_matrix
from drivemeta.core.file_memory import remembered
from drivemeta.core.pictures import ORIENTATION, UNREADABLE, forget_xmp
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.duplicates import SAME_IOU
from drivemeta.data.re_encoded import thumbnail_of
from drivemeta.data.readers.crops import CROP
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError

_WHOLE = 0.95
_SLIVER = 1 / 16
_STEP = 2  # between the pixels whose range is measured
_MOST_NAMED = 5


@dataclass(frozen=True)
class Pixels:
    """What decoding a picture told.

    Attributes:
        digest: Of its pixels, in hexadecimal.
        thumbnail: (256,) float32, see `thumbnail_of`.
        used_range: Share of its range of values that it uses, its outermost hundredths off; of 16
            bits that is all 65,536 values, of which thermal cameras use a few hundred.
    """

    digest: str
    thumbnail: FloatArray
    used_range: float


@remembered(at_most=4096)
def look_at(path: Path) -> Pixels:
    """Decode a picture.

    Raises:
        AnnotationError: It is damaged or cut short.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file, Image.open(file) as image:
                forget_xmp(image)
                image.load()
                is_deep = image.mode.startswith("I")
                values = np.asarray(image if is_deep else image.convert("L"))[::_STEP, ::_STEP]
                turn = image.getexif().get(ORIENTATION, 1)
                digest = hashlib.sha256(f"{image.mode} {image.size} {turn}".encode())
                digest.update(image.tobytes())
                thumbnail = thumbnail_of(image)
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: the image is damaged or cut short: {error}") from error
    low, high = np.percentile(values, (1, 99))
    return Pixels(digest.hexdigest(), thumbnail, float(high - low) / (65535 if is_deep else 255))


def without_unused(dataset: Dataset) -> Dataset:
    """Return the data set without classes that have no box, and a note that names them."""
    counts = dataset.n_boxes()
    unused = [name for name, count in counts.items() if not count]
    if not unused:
        return dataset
    n_ignored = {
        name: sum(int((image.labels == label).sum()) for image in dataset.images)
        for label, name in enumerate(dataset.classes)
    }
    named = [
        f"{name!r} ({n_ignored[name]} set aside)" if n_ignored[name] else repr(name)
        for name in unused
    ]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    note = f"no boxes of {', '.join(named[:_MOST_NAMED])}{more}: not learnt"
    used = [name for name in dataset.classes if counts[name]]
    kept = _keep_classes(dataset, used)
    return replace(kept, notes=(*dataset.notes, note))


def _keep_classes(dataset: Dataset, used: Sequence[str]) -> Dataset:
    """Return the data set with those classes; ignored boxes of others stay, as of any class."""
    table = np.array(
        [used.index(name) if name in used else 0 for name in dataset.classes], np.int64
    )
    images = tuple(
        replace(image, labels=table[image.labels]) if len(image) else image
        for image in dataset.images
    )
    return replace(dataset, images=images, classes=tuple(used))


def whole_pictures(dataset: Dataset, reading: Reading) -> Dataset:
    """Return the data set, as one of crops where it is to be read so.

    Raises:
        AnnotationError: All boxes are whole pictures, and nothing tells whether they are crops.
    """
    boxes = [image for image in dataset.images if (~image.ignore).any()]
    whole = [image for image in boxes if _is_whole(image)]
    if not whole or any(image.attributes.get(CROP) for image in boxes) or reading.whole == "scenes":
        return dataset
    if len(whole) < len(boxes):
        names = ", ".join(image.path.name for image in whole[:_MOST_NAMED])
        note = f"{len(whole)} of {len(boxes)} pictures are one box as large as themselves ({names})"
        return replace(dataset, notes=(*dataset.notes, f"{note}: these look like crops"))
    if reading.whole != "crops":
        raise AnnotationError(
            f"{dataset.source}: each box is a whole picture: these look like crops, from which "
            "level 1 has nothing to learn. Say --read whole=crops to learn from them as crops, "
            "--read whole=scenes if the objects do fill the pictures, or annotate whole frames"
        )
    images = tuple(
        replace(image, attributes={**image.attributes, CROP: True}) for image in dataset.images
    )
    return replace(dataset, images=images)


def _is_whole(image: AnnotatedImage) -> bool:
    boxes: FloatArray = image.boxes[~image.ignore]
    area = image.size[0] * image.size[1]
    return len(boxes) == 1 and bool((box_area(boxes) >= _WHOLE * area).all())


def sliver_notes(dataset: Dataset, pixels: Sequence[Pixels]) -> list[str]:
    """Return a note on pictures that use a sliver of their range."""
    dull = [
        (image.path.name, seen.used_range)
        for image, seen in zip(dataset.images, pixels, strict=True)
        if seen.used_range < _SLIVER
    ]
    if not dull:
        return []
    name, share = min(dull, key=lambda pair: pair[1])
    n = "1 picture uses" if len(dull) == 1 else f"{len(dull)} pictures use"
    return [
        f"{n} a sliver of the range of values ({name} {100 * share:.1f} %): nearly one grey to the "
        "detector. Say --read values=stretched to take them stretched to the whole range, and "
        "stretch what the model will see as well"
    ]


def alike_names(dataset: Dataset) -> list[str]:
    """Return a note on classes whose names differ in capitals, blanks and dashes alone."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in dataset.classes:
        alike[re.sub(r"[\s_-]+", "", name).casefold()].append(name)
    pairs = [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]
    return [f"{pair} are classes of their own: one and the same?" for pair in pairs[:_MOST_NAMED]]


def confused_boxes(dataset: Dataset) -> list[str]:
    """Return a note on boxes that stand in one place under two classes."""
    found = []
    for image in dataset.images:
        pairs = np.triu(iou_matrix(image.boxes, image.boxes) > SAME_IOU, 1)
        pairs &= image.labels[:, None] != image.labels[None]
        pairs &= ~(image.ignore[:, None] | image.ignore[None])
        for a, b in np.argwhere(pairs):
            names = [dataset.classes[image.labels[i]] for i in (a, b)]
            found.append(f"{image.entries[b]} in {image.path.name} ({names[0]!r} and {names[1]!r})")
    if not found:
        return []
    more = ", ..." if len(found) > _MOST_NAMED else ""
    n = len(found)
    return [
        f"{n} box{'es are' if n > 1 else ' is'} annotated as two classes: "
        f"{', '.join(found[:_MOST_NAMED])}{more}"
    ]
