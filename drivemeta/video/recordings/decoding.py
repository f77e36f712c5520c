"""Payloads of a topic made into pictures: each a still, or together one video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import VideoError
from drivemeta.video.recordings.topics import Payload

Image = NDArray[np.uint8]
CODECS = {"h264": "h264", "h265": "hevc", "hevc": "hevc", "vp9": "vp9", "av1": "av1"}


def stills(payloads: Iterable[Payload]) -> Iterator[tuple[int, Image | None]]:
    """Yield the time in nanoseconds and the BGR image of each payload, None if it is none."""
    for payload in payloads:
        yield payload.time_ns, None if payload.data is None else _still(payload.data)


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


def _context(form: str) -> av.VideoCodecContext:
    name = CODECS.get(form.lower())
    if name is None:
        raise VideoError(f"expected video as {', '.join(CODECS)}, found messages of {form!r}")
    context = av.CodecContext.create(name, "r")
    if not isinstance(context, av.VideoCodecContext):
        raise VideoError(f"this FFmpeg decodes no {form}")
    context.thread_count = 1  # several hang where it is given up half-way after a damaged unit
    return context


def _timed(frames: Iterable[av.VideoFrame]) -> Iterator[tuple[int, Image | None]]:
    for frame in frames:
        yield frame.pts or 0, np.ascontiguousarray(frame.to_ndarray(format="bgr24"))
