"""Image files as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from drivemeta.core import Frame
from drivemeta.core.pictures import read_picture
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import VideoError
from drivemeta.files import check_name
from drivemeta.plugins.source.protocol import SourceCounts


class Pictures:
    """Reads image files in natural order (`2.png` before `10.png`).

    Args:
        name: Name of the stream.
        files: Files in any order.
        fps: Images a second.

    Raises:
        VideoError: the rate is not positive.
        InputError: the name of a file is no text.
    """

    def __init__(self, name: str, files: Iterable[Path], fps: float) -> None:
        if fps <= 0:
            raise VideoError(f"expected a frame rate above 0, found {fps}")
        self._files = sorted(files, key=_natural)
        for file in self._files:
            check_name(file)
        self._name, self._fps, self._n_corrupt = name, fps, 0

    @property
    def files(self) -> tuple[Path, ...]:
        """The files in the order of the frames."""
        return tuple(self._files)

    def info(self) -> StreamInfo:
        """Describe the stream; the size is that of the first image that can be read."""
        for file in self._files:
            image = read_picture(file)
            if image is not None:
                size = (image.shape[0], image.shape[1])
                return StreamInfo(self._name, (), size, self._fps, len(self._files))
        raise VideoError(f"none of the {len(self._files)} images of {self._name} can be read")

    def __iter__(self) -> Iterator[Frame]:
        """Yield the images in natural order."""
        self._n_corrupt = 0
        for index, file in enumerate(self._files):
            image = read_picture(file)
            if image is None:
                self._n_corrupt += 1
                continue
            yield Frame(image, index, index / self._fps, None, file.name)

    def counts(self) -> SourceCounts:
        """Return how many files could not be decoded."""
        return SourceCounts(self._n_corrupt)

    def close(self) -> None:
        """Nothing is held open."""


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
