"""Payloads of a topic made into pictures: each a still, or together one video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import VideoError
from drivemeta.plugins.source.recordings.topics import Header, Payload, Picture

Image = NDArray[np.uint8]
# Bytes a pixel and OpenCV's conversion to BGR, by the names that ROS gives encodings. Those of
# OpenCV, such as 8UC3, say no order of colours: it is OpenCV's own. OpenCV names Bayer's patterns
# by the second row and column.
BAYER = {
    "bayer_rggb8": cv2.COLOR_BayerBG2BGR,
    "bayer_bggr8": cv2.COLOR_BayerRG2BGR,
    "bayer_gbrg8": cv2.COLOR_BayerGR2BGR,
    "bayer_grbg8": cv2.COLOR_BayerGB2BGR,
}
RAW = {
    "bgr8": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
    "8UC1": (1, cv2.COLOR_GRAY2BGR),
    "8UC3": (3, None),
    "8UC4": (4, cv2.COLOR_BGRA2BGR),
    "yuv422": (2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": (2, cv2.COLOR_YUV2BGR_YUY2),
    **{name: (1, conversion) for name, conversion in BAYER.items()},
}
# FFmpeg's own decoder `av1` needs hardware; libdav1d is in PyAV's wheels.
CODECS = {"h264": "h264", "h265": "hevc", "hevc": "hevc", "vp9": "vp9", "av1": "libdav1d"}


def stills(payloads: Iterable[Payload]) -> Iterator[Picture]:
    """Yield the picture of each payload.

    Raises:
        VideoError: pictures that are not compressed are in an encoding that is not known.
    """
    for payload in payloads:
        if payload.data is None:
            yield Picture(payload.time_ns, None, payload.problem)
            continue
        raw, data = payload.layout, payload.data
        picture = _still(payload, data) if raw is None else _raw(payload, data, raw)
        yield picture._replace(header=payload.header)


def video(payloads: Iterable[Payload]) -> Iterator[Picture]:
    """Yield the same of payloads that are one access unit each of a video.

    The decoder may hold pictures back; each comes at the time of the message that brought it.
    Pictures before the first key frame cannot be decoded.

    Raises:
        VideoError: the messages name a codec that is not known.
    """
    context: av.VideoCodecContext | None = None
    headers: dict[int, Header | None] = {}  # of what the decoder still holds, by time
    for payload in payloads:
        if payload.data is None:
            yield Picture(payload.time_ns, None, payload.problem)
            continue
        if context is None:
            context = _context(payload.form)
        packet = av.Packet(payload.data)
        packet.pts = payload.time_ns
        headers[payload.time_ns] = payload.header
        try:
            decoded = context.decode(packet)
        except av.FFmpegError as error:
            yield Picture(payload.time_ns, None, f"{payload.form} is damaged ({error})")
            continue
        yield from _timed(decoded, headers)
    if context is not None:
        try:
            yield from _timed(context.decode(None), headers)
        except av.FFmpegError:
            return


def _still(payload: Payload, data: bytes) -> Picture:
    """Decode a picture; what was compressed as Bayer's pattern gets its colours."""
    bayer = BAYER.get(payload.form.split()[-1].lower()) if payload.form.strip() else None
    mode = cv2.IMREAD_COLOR if bayer is None else cv2.IMREAD_GRAYSCALE
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        image = None
    if image is None:
        return Picture(payload.time_ns, None, f"no picture that OpenCV reads, {payload.form!r}")
    return Picture(payload.time_ns, _converted(image, bayer))


def _raw(payload: Payload, data: bytes, layout: tuple[int, int, int]) -> Picture:
    """Return the BGR image of plain bytes, none if they are fewer than its rows need."""
    encoding = payload.form
    if encoding not in RAW:
        raise VideoError(f"expected raw pictures as {', '.join(RAW)}, found {encoding!r}")
    channels, conversion = RAW[encoding]
    height, width, step = layout
    if min(layout) < 1 or step < width * channels or len(data) < height * step:
        problem = f"{len(data)} bytes for {height} rows of {step}, {width} pixels of {encoding}"
        return Picture(payload.time_ns, None, problem)
    rows = np.frombuffer(data, np.uint8, height * step).reshape(height, step)
    pixels = np.ascontiguousarray(rows[:, : width * channels]).reshape(height, width, channels)
    return Picture(payload.time_ns, _converted(pixels, conversion))


def _converted(pixels: NDArray[Any], conversion: int | None) -> Image:
    return np.asarray(pixels if conversion is None else cv2.cvtColor(pixels, conversion), np.uint8)


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


def _timed(frames: Iterable[av.VideoFrame], headers: dict[int, Header | None]) -> Iterator[Picture]:
    for frame in frames:
        time_ns, header = frame.pts or 0, headers.get(frame.pts or 0)
        for passed in [held for held in headers if held <= time_ns]:
            del headers[passed]
        image = np.ascontiguousarray(frame.to_ndarray(format="bgr24"))
        yield Picture(time_ns, image, header=header)
