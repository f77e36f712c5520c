"""Seconds round a hit, copied out of its video packet by packet: nothing is encoded again."""

from __future__ import annotations

from pathlib import Path

import av

from drivemeta.archive.containers import opened
from drivemeta.archive.hits import Hit
from drivemeta.core.videos import ffmpeg_name
from drivemeta.errors import VideoError
from drivemeta.files import atomic_path

CONTAINERS = {"mp4": ("h264", "hevc", "mpeg4", "av1"), "mkv": ()}  # the first that takes a codec


def cut_clip(hit: Hit, folder: Path, name: str, seconds: float) -> Path:
    """Write a clip round a hit; it begins at the key frame before. Return its path.

    Args:
        hit: Hit in a video file that can be sought.
        folder: Folder to write into.
        name: Name of the file, without its ending.
        seconds: Length, half of it before the hit's best view and half after.

    Raises:
        VideoError: the video cannot be copied from.
        OutputError: the clip cannot be written.
    """
    if hit.pts is None:
        raise VideoError(f"{hit.video}: a clip is cut from a video file, this is none")
    with opened(hit.video) as (source, stream):
        codec = stream.codec_context.name
        ending = next(e for e, codecs in CONTAINERS.items() if codec in codecs or not codecs)
        per_second = 1 / float(stream.time_base or 1)
        half = seconds / 2 * per_second
        begin, end = int(hit.pts - half), int(hit.pts + half)
        path = folder / f"{name}.{ending}"
        try:
            source.seek(max(begin, stream.start_time or 0), stream=stream, backward=True)
            with atomic_path(path) as partial:
                _copy(source, stream, partial, end, "matroska" if ending == "mkv" else ending)
        except av.FFmpegError as error:
            raise VideoError(f"{hit.video}: cannot copy from it: {error}") from error
    return path


def _copy(
    source: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    path: Path,
    end: int,
    form: str,
) -> None:
    """Copy packets up to a stamp, so that all frames shown before it are there."""
    first: int | None = None
    with av.open(ffmpeg_name(path), "w", format=form) as made:
        copied = made.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            if first is None:
                if not packet.is_keyframe:
                    continue
                first = packet.dts
            if packet.dts > end:
                return
            packet.pts, packet.dts = packet.pts - first, packet.dts - first
            packet.stream = copied
            made.mux(packet)
