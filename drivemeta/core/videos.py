"""Video files: opened by any name, the track that is meant, and their pictures set upright."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import Container, InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from drivemeta.core.stream import PictureTags

# Pictures that go with a track: covers, previews, parts of others.
_NO_VIDEO = (
    Disposition.attached_pic
    | Disposition.timed_thumbnails
    | Disposition.still_image
    | Disposition.dependent
)
_LITERALLY = {"pattern_type": "none"}  # `a%03d.jpg` is a file and not a row of them
_WRAPPING, _WRAP_S = ("mpeg", "mpegts"), 2**33 / 90_000
# What PyAV raises of a file that is damaged or no video.
UNREADABLE = (av.FFmpegError, OSError, ValueError, LookupError)


@dataclass(frozen=True)
class OpenVideo:
    """A video file that is open.

    Attributes:
        container: Container; whoever opened the file closes it.
        stream: Track of the video.
        note: What a user should know of the choice of the track; empty if there was none.
    """

    container: InputContainer
    stream: VideoStream
    note: str = ""


class Orientation(NamedTuple):
    """How a stored picture becomes upright: transposed first, then mirrored."""

    transposed: bool = False
    left_right: bool = False
    top_bottom: bool = False


def ffmpeg_name(path: str | Path) -> str:
    """Return a path as FFmpeg takes it whatever its name, where a colon would end a protocol.

    >>> ffmpeg_name("2024-01-05T12:30:05.mp4")
    'file:2024-01-05T12:30:05.mp4'
    """
    return f"file:{path}"


def open_video(path: str | Path, track: int | None = None) -> OpenVideo:
    """Open a video file at its default track.

    Args:
        path: Path of the file.
        track: Number of the track as FFmpeg counts all of the file's, from 0; if None, the first
            that the file calls its default, or else the first. Cover pictures are no tracks.

    Raises:
        ValueError: The file cannot be read, there is no such track, or none of video.
    """
    try:
        container = av.open(ffmpeg_name(path), options=_LITERALLY, metadata_errors="replace")
    except UNREADABLE as error:
        raise ValueError(f"it is damaged, cut off, or no video ({_reason(error)})") from error
    try:
        stream, note = video_track(container, track)
    except ValueError:
        container.close()
        raise
    stream.thread_type = "AUTO"
    return OpenVideo(container, stream, note)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return how a decoded frame becomes upright, by the display matrix that it carries.

    A matrix that turns by no multiple of 90 degrees counts as the nearest.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, 5).astype(np.int64)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, bool(c < 0), bool(b < 0))
    return Orientation(False, bool(a < 0), bool(d < 0))


def upright_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return height and width in pixels of a decoded frame once it is upright."""
    size = (frame.height, frame.width)
    return size[::-1] if orientation_of(frame).transposed else size


def tags_of(frame: av.VideoFrame, stream: VideoStream) -> PictureTags:
    """Return how the pixels of an upright frame of a stream are meant to be shown."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return PictureTags(
        1 / aspect if orientation_of(frame).transposed else aspect,
        int(frame.color_primaries),
        int(frame.color_trc),
        int(frame.colorspace),
        {1: False, 2: True}.get(int(frame.color_range)),
    )


def upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return a decoded frame as (height, width, 3) uint8 BGR, turned and mirrored as it says."""
    turn = orientation_of(frame)
    image: Any = frame.to_ndarray(format="bgr24")
    image = image.swapaxes(0, 1) if turn.transposed else image
    image = image[:, ::-1] if turn.left_right else image
    return np.ascontiguousarray(image[::-1] if turn.top_bottom else image, np.uint8)


def video_track(container: InputContainer, track: int | None = None) -> tuple[VideoStream, str]:
    """Return the track of an open container's video, and a note if others were passed over.

    Args:
        container: Container, as `av.open` gives it.
        track: As `open_video` takes it.

    Raises:
        ValueError: There is no such track, or none of video.
    """
    streams = list(container.streams.video)
    videos = [stream for stream in streams if not stream.disposition & _NO_VIDEO]
    if not videos:
        raise ValueError("it holds a cover picture and no video" if streams else "it has no video")
    listed = ", ".join(_described(stream) for stream in videos)
    if track is not None:
        found = next((stream for stream in videos if stream.index == track), None)
        if found is None:
            raise ValueError(f"it has no video track {track}, but {listed}")
        return _decodable(found), ""
    defaults = [stream for stream in videos if stream.disposition & Disposition.default]
    chosen = (defaults or videos)[0]
    if len(videos) == 1:
        return _decodable(chosen), ""
    return _decodable(chosen), f"track {chosen.index} was taken of several videos: {listed}"


def wrap_s(container: Container) -> float:
    """Return after how many seconds the stamps of a container's format begin at 0 again."""
    return _WRAP_S if container.format.name in _WRAPPING else float("inf")


def _decodable(stream: VideoStream) -> VideoStream:
    if stream.codec_context is None:  # PyAV makes none without a decoder
        raise ValueError(f"its track {stream.index} is in a codec that this FFmpeg cannot decode")
    return stream


def _described(stream: VideoStream) -> str:
    size = f"{stream.width}x{stream.height}" if stream.codec_context is not None else "unreadable"
    default = ", default" if stream.disposition & Disposition.default else ""
    return f"{stream.index} ({size}{default})"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
