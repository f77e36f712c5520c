"""Annotated video through PyAV; the audio is dropped."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from drivemeta.core import Frame, Tracks
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.protocols import StreamInfo
from drivemeta.video.render import draw

TICKS = 60_000  # a second; MPEG-4 allows at most 65535
ENCODERS = {"h264": "libx264", "openh264": "libopenh264", "mpeg4": "mpeg4"}
OPTIONS = {"h264": {"preset": "veryfast", "crf": "23"}, "mpeg4": {"qmin": "2", "qmax": "6"}}


class Mp4:
    """Writes `annotated.mp4` at the source's frame times.

    Args:
        folder: of the run.
        encoder: `h264` (x264, GPL, inside PyAV's wheels), `openh264` or `mpeg4`.
        name: of the file.

    Raises:
        InputError: the encoder is unknown or not in this build of FFmpeg.
    """

    def __init__(self, folder: Path, encoder: str = "h264", name: str = "annotated.mp4") -> None:
        codec = ENCODERS.get(encoder)
        if codec is None or codec not in av.codecs_available:
            there = ", ".join(
                key for key, value in ENCODERS.items() if value in av.codecs_available
            )
            raise InputError(f"video encoder {encoder!r} is not available; there is: {there}")
        self._encoder, self._codec = encoder, codec
        self._path = Path(folder) / name
        self._partial = self._path.with_name(f".{self._path.stem}.part.mp4")
        self._container: Any = None
        self._stream: Any = None
        self._info: StreamInfo | None = None
        self._last_pts = -1
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin the video; an unfinished one cannot be gone on with and is begun anew."""
        self._info, self._next = info, resume_at
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            options = {"movflags": "+faststart"}
            self._container = av.open(str(self._partial), "w", options=options)
        except (OSError, av.FFmpegError) as error:
            raise OutputError(f"cannot write {self._partial}: {error}") from error

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw the tracks and encode the frame; sizes are made even, as the codecs want."""
        image = draw(frame.image, tracks)
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        try:
            if self._stream is None:
                self._stream = self._add_stream(height, width)
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image[:height, :width]), format="bgr24"
            )
            picture = picture.reformat(self._stream.width, self._stream.height, "yuv420p")
            picture.pts = max(round(frame.time_s * TICKS), self._last_pts + 1)
            picture.time_base = Fraction(1, TICKS)
            self._last_pts = picture.pts
            self._container.mux(self._stream.encode(picture))
        except (OSError, av.FFmpegError) as error:
            raise OutputError(f"cannot write {self._partial}: {error}") from error
        self._next = frame.index + 1

    def commit(self) -> int:
        """Return the next frame; the container is complete only once it is closed."""
        return self._next

    def close(self) -> list[Path]:
        """Flush the encoder and give the file its final name."""
        if self._container is None:
            return [self._path] if self._path.exists() else []
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except (OSError, av.FFmpegError) as error:
            raise OutputError(f"cannot finish {self._partial}: {error}") from error
        finally:
            self._container = None
        if self._stream is None:
            self._partial.unlink(missing_ok=True)
            return []
        os.replace(self._partial, self._path)
        return [self._path]

    def _add_stream(self, height: int, width: int) -> Any:
        rate = Fraction(self._info.fps if self._info else 30).limit_denominator(1001)
        stream = self._container.add_stream(self._codec, rate=rate)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, TICKS)
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.options = OPTIONS.get(self._encoder, {})
        return stream
