"""A folder of images as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from drivemeta.core import Frame
from drivemeta.errors import VideoError
from drivemeta.plugins.protocols import StreamInfo

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


class ImageSource:
    """Reads the images of a folder in natural order (`2.png` before `10.png`).

    Args:
        path: of the folder.
        fps: images a second.

    Attributes:
        n_corrupt: files that could not be decoded and were skipped.

    Raises:
        VideoError: there is no such folder, no image in it, or the rate is not positive.
    """

    def __init__(self, path: str | Path, fps: float = 10.0) -> None:
        self._path = Path(path)
        if not self._path.is_dir():
            raise VideoError(f"expected a folder of images, found none at {self._path}")
        if fps <= 0:
            raise VideoError(f"expected a frame rate above 0, found {fps}")
        files = [p for p in self._path.iterdir() if p.suffix.lower() in ENDINGS]
        if not files:
            raise VideoError(f"expected images ({', '.join(ENDINGS)}), found none in {self._path}")
        self._files = sorted(files, key=_natural)
        self._fps = fps
        self.n_corrupt = 0

    def info(self) -> StreamInfo:
        """Describe the stream; the size is that of the first image that can be read."""
        for file in self._files:
            image = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if image is not None:
                size = (image.shape[0], image.shape[1])
                return StreamInfo(self._path.name, (), size, self._fps, len(self._files))
        raise VideoError(f"none of the {len(self._files)} images in {self._path} can be read")

    def __iter__(self) -> Iterator[Frame]:
        """Yield the images in natural order."""
        for index, file in enumerate(self._files):
            image = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if image is None:
                self.n_corrupt += 1
                continue
            yield Frame(np.asarray(image, np.uint8), index, index / self._fps, None, file.name)

    def close(self) -> None:
        """Nothing is held open."""


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
