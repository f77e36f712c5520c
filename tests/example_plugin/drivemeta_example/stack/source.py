"""Frames stacked in one file of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import VideoError
from drivemeta.plugins.source.protocol import SourceCounts


class StackSource:
    """Reads an array of frames, (n, height, width, 3) uint8 BGR.

    Args:
        place: Path of the file, also as `npy://PATH`.
        fps: Frames a second.

    Raises:
        VideoError: there is no such file.
    """

    def __init__(self, place: str, fps: float = 10.0) -> None:
        self._path, self._fps = Path(place.removeprefix("npy://")), fps
        if not self._path.is_file():
            raise VideoError(f"expected an array of frames, found none at {self._path}")
        self._frames = np.load(self._path, mmap_mode="r")

    def info(self) -> StreamInfo:
        """Describe the array."""
        n, height, width, _ = self._frames.shape
        return StreamInfo(self._path.name, (), (height, width), self._fps, n)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames at the rate given."""
        for index, image in enumerate(self._frames):
            yield Frame(np.ascontiguousarray(image), index, index / self._fps)

    def counts(self) -> SourceCounts:
        """Nothing is counted."""
        return SourceCounts()

    def close(self) -> None:
        """Nothing is held open."""
