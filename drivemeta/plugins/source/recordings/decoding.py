"""Payloads of a topic made into pictures: each a still, or together one video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import VideoError
from drivemeta.plugins.source.recordings.topics import Payload

Image = NDArray[np.uint8]
RAW = {  # bytes a pixel and OpenCV's conversion to BGR, by the names that ROS gives encodings
    "bgr8": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
}
# FFmpeg's own decoder `av1` needs hardware; libdav1d is in PyAV's wheels.
CODECS = {"h264": "h264", "h265": "hevc", "hevc": "hevc", "vp9": "vp9", "av1": "libdav1d"}


def stills(payloads: Iterable[Payload]) -> Iterator[tuple[int, Image | None]]:
    """Yield the time in nanoseconds and the BGR image of each payload, None if it is none.

    Raises:
        VideoError: pictures that are not compressed are in an encoding that is not known.
    """
    for payload in payloads:
        if payload.data is None:
            yield payload.time_ns, None
        elif payload.layout is not None:
            yield payload.time_ns, _raw(payload.data, payload.form, payload.layout)
        else:
            yield payload.time_ns, _still(payload.data)


def video(payloads: Iterable[Payload]) -> Iterator[tuple[int, Image | None]]:
    """Yield the same of payloads that are one access unit each of a video.

    The decoder may hold pictures back; each comes at the time of the message that brought it.
    Pictures before the first key frame cannot be decoded.

    Raises:
        VideoError: the messages name a codec that is not known.
    """
    context: av.VideoCodecContext | None = None
    for payload in payloads:
        if payload.data is None:
            yield payload.time_ns, None
            continue
        if context is None:
            context = _context(payload.form)
        packet = av.Packet(payload.data)
        packet.pts = payload.time_ns
        try:
            decoded = context.decode(packet)
        except av.FFmpegError:
            yield payload.time_ns, None
            continue
        yield from _timed(decoded)
    if context is not None:
        try:
            yield from _timed(context.decode(None))
        except av.FFmpegError:
            return


def _still(data: bytes) -> Image | None:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _raw(data: bytes, encoding: str, layout: tuple[int, int, int]) -> Image | None:
    """Return the BGR image of plain bytes, None if they are fewer than its rows need."""
    if encoding not in RAW:
        raise VideoError(f"expected raw pictures as {', '.join(RAW)}, found {encoding!r}")
    channels, conversion = RAW[encoding]
    height, width, step = layout
    if min(layout) < 1 or step < width * channels or len(data) < height * step:
        return None
    rows = np.frombuffer(data, np.uint8, height * step).reshape(height, step)
    pixels = np.ascontiguousarray(rows[:, : width * channels]).reshape(height, width, channels)
    return pixels if conversion is None else np.asarray(cv2.cvtColor(pixels, conversion), np.uint8)


def _context(form: str) -> av.VideoCodecContext:
    name = CODECS.get(form.lower())
    if name is None:
        raise VideoError(f"expected video as {', '.join(CODECS)}, found messages of {form!r}")
    if name not in av.codecs_available:
        raise VideoError(f"this FFmpeg decodes no {form}: it lacks {name}")
    context = av.CodecContext.create(name, "r")
    if not isinstance(context, av.VideoCodecContext):
        raise VideoError(f"this FFmpeg decodes no {form}")
    context.thread_count = 1  # several hang where it is given up half-way after a damaged unit
    return context


def _timed(frames: Iterable[av.VideoFrame]) -> Iterator[tuple[int, Image | None]]:
    for frame in frames:
        yield frame.pts or 0, np.ascontiguousarray(frame.to_ndarray(format="bgr24"))
