"""A video written as closed segments of its own encoder each, joined without encoding again.

A segment's name tells its first frame, the frame after its last, and the time of the first in
ticks: `00000250-00000500-600000.mp4`. Times inside count from its first frame. There are no
B-frames, so decoding order is presentation order and segments join at any frame.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.stream import PictureTags
from drivemeta.core.videos import ffmpeg_name
from drivemeta.errors import OutputError

TICKS = 60_000  # a second; MPEG-4 allows at most 65535
TIME_BASE = Fraction(1, TICKS)
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # of H.273: what swscale calls them


@dataclass(frozen=True)
class Encoding:
    """How segments are encoded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        options: Options of the encoder.
        size: Height and width in pixels, both even; frames of other sizes are fitted into it.
        rate: Frames a second, nominal.
        tags: Shape of the pixels and colours, as the source has them.
    """

    codec: str
    options: dict[str, str]
    size: tuple[int, int]
    rate: Fraction
    tags: PictureTags


class Segment:
    """One segment while it is written.

    Args:
        folder: Folder of the segments.
        encoding: Encoding of all of them.
        first: Index of its first frame.
        time_s: Presentation time of that frame in seconds.

    Attributes:
        time_s: Presentation time of its first frame in seconds.
    """

    def __init__(self, folder: Path, encoding: Encoding, first: int, time_s: float) -> None:
        self.time_s = time_s
        self._first, self._base = first, round(time_s * TICKS)
        self._folder, self._size, self._last_pts = folder, encoding.size, -1
        self._path = folder / f"{first:08d}.part.mp4"
        self._container: Any = av.open(ffmpeg_name(self._path), "w")
        stream = self._container.add_stream(encoding.codec, rate=encoding.rate)
        stream.height, stream.width = encoding.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        stream.codec_context.options = dict(encoding.options)
        self._stream, self._to_yuv = stream, _conversion(encoding.tags)
        _tag(stream.codec_context, encoding.tags)

    def write(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Encode a (height, width, 3) uint8 BGR image, shown at a time of the stream."""
        picture = av.VideoFrame.from_ndarray(fit(image, self._size), format="bgr24")
        picture = picture.reformat(format="yuv420p", **self._to_yuv)
        picture.pts = max(round(time_s * TICKS) - self._base, self._last_pts + 1)
        picture.time_base = TIME_BASE
        self._last_pts = picture.pts
        self._container.mux(self._stream.encode(picture))

    def close(self, stop: int) -> None:
        """Finish the segment, durably, before frame `stop`."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self._path, self._folder / f"{self._first:08d}-{stop:08d}-{self._base}.mp4")

    def abort(self) -> None:
        """Throw the segment away."""
        with suppress(OSError, av.FFmpegError):  # a full disk was told already
            self._container.close()
        self._path.unlink(missing_ok=True)


def _tag(context: Any, tags: PictureTags) -> None:
    context.sample_aspect_ratio = tags.pixel_aspect
    context.color_primaries, context.color_trc = tags.primaries, tags.transfer
    if tags.matrix in _MATRICES:
        context.colorspace = tags.matrix
    if tags.is_full_range is not None:
        context.color_range = 2 if tags.is_full_range else 1


def _conversion(tags: PictureTags) -> dict[str, int]:
    """Return how `reformat` gets from BGR to the YCbCr that the tags promise."""
    matrix = {"dst_colorspace": _MATRICES[tags.matrix]} if tags.matrix in _MATRICES else {}
    return {**matrix, "dst_color_range": 2} if tags.is_full_range else matrix


def fit(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a BGR image cut by an odd last row or column, or scaled into `size` on black."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    if (height, width) == size:
        return np.ascontiguousarray(image[:height, :width])
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))
    canvas = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[top : top + inner[0], left : left + inner[1]] = cv2.resize(
        image, (inner[1], inner[0]), interpolation=cv2.INTER_AREA
    )
    return canvas


def kept_segments(folder: Path, resume_at: int) -> int:
    """Delete what is not whole or begins at `resume_at` or later; return the frame they reach.

    Where they do not join without a gap from frame 0, all go and 0 is returned.
    """
    reached = 0
    for path in sorted(folder.glob("*.mp4")):
        numbers = path.stem.split("-")
        fits = len(numbers) == 3 and int(numbers[0]) == reached and int(numbers[1]) <= resume_at
        if fits:
            reached = int(numbers[1])
        else:
            path.unlink()
    if not reached:
        shutil.rmtree(folder, ignore_errors=True)
    return reached


def join_segments(folder: Path, target: Path) -> None:
    """Copy the packets of all segments into one file that plays while it loads.

    Its time begins at that of the first frame.

    Raises:
        OutputError: a segment cannot be read again.
    """
    paths = sorted(folder.glob("*-*-*.mp4"))
    with av.open(ffmpeg_name(target), "w", options={"movflags": "+faststart"}) as joined:
        out, start = None, 0
        for path in paths:
            base = int(path.stem.split("-")[2])
            start = base if out is None else start
            with av.open(ffmpeg_name(path)) as part:
                if not part.streams.video:
                    raise OutputError(f"segment {path} holds no video")
                if out is None:
                    out = joined.add_stream_from_template(part.streams.video[0])
                    out.time_base = TIME_BASE
                _copy(part, joined, out, base - start)


def _copy(part: Any, joined: Any, out: Any, base: int) -> None:
    for packet in part.demux(video=0):
        if packet.dts is None:
            continue
        offset = round(base * TIME_BASE / packet.time_base)
        packet.pts += offset
        packet.dts += offset
        packet.stream = out
        joined.mux(packet)
