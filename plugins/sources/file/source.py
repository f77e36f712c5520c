"""Video files through PyAV, with the container's own time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import VideoError
from drivemeta.plugins.source.clock import SteadyClock, turns_of
from drivemeta.plugins.source.protocol import SourceCounts


class FileSource:
    """Reads a video file from its beginning, once.

    Pictures are turned upright as the container says. Times follow the container's and always grow:
    where they jump back (files joined end to end), they go on a frame after the last.

    Args:
        path: Path of the file, in any format that FFmpeg knows.

    Raises:
        VideoError: there is no such file, or no video in it.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            raise VideoError(f"expected a video file, found none at {self._path}")
        if self._path.stat().st_size == 0:
            raise VideoError(f"expected a video file, found an empty one: {self._path}")
        try:
            self._container = av.open(str(self._path))
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            raise VideoError(
                f"expected a video, cannot read {self._path}: it is damaged, cut off, or no video "
                f"({error})"
            ) from error
        self._stream.thread_type = "AUTO"
        self._n_corrupt = 0
        self._ended_early = False
        self._size: tuple[int, int] | None = None

    def info(self) -> StreamInfo:
        """Describe the video as its container does, upright."""
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate or 30
        return StreamInfo(
            name=self._path.name,
            classes=(),
            frame_size=self._upright_size(),
            fps=float(rate),
            n_frames=stream.frames or None,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of presentation, at the times the container states."""
        index, clock = 0, SteadyClock(1 / self.info().fps)
        for decoded in self._decoded():
            stated = None if decoded.pts is None else float(decoded.pts * decoded.time_base)
            image = np.rot90(decoded.to_ndarray(format="bgr24"), turns_of(decoded))
            yield Frame(np.ascontiguousarray(image), index, clock.next(stated), decoded.pts)
            index += 1
        announced = self._stream.frames
        self._ended_early = bool(announced) and index < announced
        if index == 0:
            raise VideoError(f"expected a video, found no frame that can be decoded: {self._path}")

    def counts(self) -> SourceCounts:
        """Return the packets passed over, and whether fewer frames came than were announced."""
        return SourceCounts(self._n_corrupt, ended_early=self._ended_early)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _upright_size(self) -> tuple[int, int]:
        """Return height and width of the first frame as it is given; only a frame tells them."""
        if self._size is None:
            self._size = (self._stream.height, self._stream.width)
            with suppress(av.FFmpegError, StopIteration), av.open(str(self._path)) as container:
                first = next(container.decode(video=0))
                size = (first.height, first.width)
                self._size = size[::-1] if turns_of(first) % 2 else size
        return self._size

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from packet.decode()
            except av.EOFError:
                return
            except av.FFmpegError:
                self._n_corrupt += 1
