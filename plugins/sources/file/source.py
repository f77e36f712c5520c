"""Video files through PyAV, with the container's own time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from drivemeta.core import Frame
from drivemeta.errors import VideoError
from drivemeta.plugins.protocols import StreamInfo


class FileSource:
    """Reads a video file from its beginning, once.

    Args:
        path: of the file, in any format that FFmpeg knows.

    Attributes:
        n_corrupt: packets that could not be decoded and were skipped.
        ended_early: fewer frames came than the container announced.

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
        self.n_corrupt = 0
        self.ended_early = False

    def info(self) -> StreamInfo:
        """Describe the video as its container does."""
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate or 30
        return StreamInfo(
            name=self._path.name,
            classes=(),
            frame_size=(stream.height, stream.width),
            fps=float(rate),
            n_frames=stream.frames or None,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of presentation, at the times the container states."""
        index, start, last = 0, None, -1.0
        step = 1 / self.info().fps
        for decoded in self._decoded():
            time_s = float(decoded.pts * decoded.time_base) if decoded.pts is not None else None
            if start is None:
                start = time_s or 0.0
            time_s = last + step if time_s is None else time_s - start
            # Time never runs backwards, whatever the container says.
            time_s = max(time_s, last + step / 10) if index else max(time_s, 0.0)
            image = decoded.to_ndarray(format="bgr24")
            turns = round(getattr(decoded, "rotation", 0) / 90) % 4
            image = np.ascontiguousarray(np.rot90(image, turns))
            yield Frame(image, index, time_s, decoded.pts)
            last, index = time_s, index + 1
        announced = self._stream.frames
        self.ended_early = bool(announced) and index < announced
        if index == 0:
            raise VideoError(f"expected a video, found no frame that can be decoded: {self._path}")

    def close(self) -> None:
        """Close the file."""
        self._container.close()

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
                self.n_corrupt += 1
