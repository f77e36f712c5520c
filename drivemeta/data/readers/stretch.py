"""Pictures stretched to the whole range of values, as 16-bit thermal ones have to be."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from drivemeta.core.pictures import UNREADABLE, forget_xmp
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError

_OUTERMOST = 0.5  # per cent of the pixels at either end that become black and white


def stretched(dataset: Dataset, reading: Reading) -> Dataset:
    """Return the data set over stretched copies of its pictures, if they are to be read so.

    The copies have 8 bits, stand upright and are kept in the user's cache folder.

    Raises:
        AnnotationError: a picture is damaged or cut short.
        OutputError: the folder cannot be written.
    """
    if reading.values != "stretched":
        return dataset
    images = tuple(replace(image, path=_stretched(image.path)) for image in dataset.images)
    note = (
        "all pictures are stretched to the whole range of values: stretch alike what the model "
        "will see"
    )
    return replace(dataset, images=images, notes=(*dataset.notes, note))


def stretched_picture(path: Path) -> NDArray[np.uint8]:
    """Return a (height, width, 3) uint8 BGR picture, upright, stretched to the whole range.

    Raises:
        AnnotationError: it is damaged or cut short.
    """
    try:
        with path.open("rb") as file, Image.open(file) as image:
            forget_xmp(image)
            upright = ImageOps.exif_transpose(image)
            deep = upright.mode.startswith("I") or upright.mode in ("L", "F")
            pixels = np.asarray(upright if deep else upright.convert("RGB"), np.float32)
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: the image is damaged or cut short: {error}") from error
    low, high = np.percentile(pixels, (_OUTERMOST, 100 - _OUTERMOST))
    scaled = np.clip(np.rint((pixels - low) * (255 / max(high - low, 1e-6))), 0, 255)
    colours = np.repeat(scaled[..., None], 3, 2) if scaled.ndim == 2 else scaled[..., ::-1]
    return np.ascontiguousarray(colours, np.uint8)


def _stretched(path: Path) -> Path:
    data = io.BytesIO()
    Image.fromarray(stretched_picture(path)[..., ::-1]).save(data, "PNG")
    return keep_picture(data.getvalue(), f"{path.stem}.png")
