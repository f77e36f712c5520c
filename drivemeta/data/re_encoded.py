"""Pictures that are one picture encoded anew: a PNG saved as JPEG, a JPEG saved again.

Compression changes single pixels, and blocks of them hardly on average: of 25 road scenes saved as
JPEG of quality 50, no block of 8x8 by more than 3.9 grey levels. Between successive frames of five
drives some block changes by 42 or more: something moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from drivemeta.core.boxes import FloatArray
from drivemeta.core.pictures import read_picture
from drivemeta.errors import AnnotationError

SIDE = 16  # of a thumbnail
_NEAR = 4.0  # grey levels that thumbnails of one picture differ by at most
_BLOCK = 8  # pixels
_BLOCK_NEAR, _PIXELS_NEAR = 6.0, 24.0  # grey levels that a block's mean, and its pixels, differ by
_VARIED = 32.0  # standard deviation of grey levels; of what varies less, less is let pass
_LEAST_LIKE = 0.99  # correlation: what is hardly varied is never held for another


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as it is compared.

    Attributes:
        path: File.
        digest: Digest of its pixels.
        size: Height and width in pixels, upright.
        thumbnail: (16 * 16,) float32 grey levels, upright.
    """

    path: Path
    digest: str
    size: tuple[int, int]
    thumbnail: FloatArray


def thumbnail_of(image: Image.Image) -> FloatArray:
    """Return the (16 * 16,) float32 grey levels of a picture, upright and scaled down."""
    small = ImageOps.exif_transpose(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()


def same_pictures(pictures: Sequence[Seen]) -> list[int]:
    """Return for each picture the index of the first one that it is, its own if of none before."""
    firsts: list[int] = []
    found: list[int] = []
    by_digest: dict[str, int] = {}
    for i, picture in enumerate(pictures):
        first = by_digest.get(picture.digest)
        if first is None:
            first = next(_alike(picture, pictures, firsts), i)
            by_digest[picture.digest] = first
        if first == i:
            firsts.append(i)
        found.append(first)
    return found


def is_same_picture(first: Path, second: Path) -> bool:
    """Tell whether two files show one picture, the one perhaps encoded anew.

    Raises:
        AnnotationError: one is no image.
    """
    return _is_one(_grey(first), _grey(second))


def _alike(picture: Seen, pictures: Sequence[Seen], firsts: Sequence[int]) -> Iterator[int]:
    """Yield the indices of earlier pictures that a picture is, encoded anew."""
    near = [i for i in firsts if pictures[i].size == picture.size]
    if not near:
        return
    thumbnails = np.stack([pictures[i].thumbnail for i in near])
    off = np.abs(thumbnails - picture.thumbnail).max(1)
    grey: FloatArray | None = None
    for position in np.flatnonzero(off <= _NEAR):
        grey = _grey(picture.path) if grey is None else grey
        if _is_one(_grey(pictures[near[position]].path), grey):
            yield near[position]


def _grey(path: Path) -> FloatArray:
    image = read_picture(path)
    if image is None:
        raise AnnotationError(f"{path}: expected an image, cannot read it")
    return np.asarray(image.mean(2), np.float32)


def _is_one(first: FloatArray, second: FloatArray) -> bool:
    if first.shape != second.shape or not first.std() or not second.std():
        return False
    if np.corrcoef(first.ravel(), second.ravel())[0, 1] < _LEAST_LIKE:
        return False
    off = (first - second) / min(1.0, first.std() / _VARIED)
    return bool(
        (np.abs(_block_means(off)) <= _BLOCK_NEAR).all()
        and (_block_means(np.abs(off)) <= _PIXELS_NEAR).all()
    )


def _block_means(values: FloatArray) -> NDArray[np.float32]:
    """Return the means of blocks of 8x8 pixels, those cut off by the edge included."""
    pad = [(0, -side % _BLOCK) for side in values.shape]
    whole = np.pad(values, pad, mode="edge")
    height, width = whole.shape
    blocks = whole.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    return np.asarray(blocks.mean((1, 3)), np.float32)
