"""The units of work: segments of about a minute that begin where decoding can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivemeta.archive.containers import Stamps, opened
from drivemeta.archive.places import Video
from drivemeta.archive.store import key_of
from drivemeta.errors import VideoError
from drivemeta.plugins.registry import Registry
from drivemeta.plugins.source.image_files import Pictures
from drivemeta.video.opening import open_source

SEGMENT_S = 60.0
IMAGES = 120  # of a folder, in one segment


@dataclass(frozen=True)
class Wanted:
    """A frame that is to be looked at; see `LookedFrame`."""

    frame: int
    pts: int | None
    time_s: float


@dataclass(frozen=True)
class VideoSegment:
    """A part of a video that one worker looks at.

    Attributes:
        video: The video.
        number: Number of the segment, from 0.
        n_segments: Number of segments of the video.
        wanted: Frames to look at, in order; of a stream, which tells its frames while it is read,
            none.
        seek_pts: Stamp of the key frame that it begins at; None for the video's beginning.
        every: N, where every Nth frame of the video is looked at.
        fingerprint: Fingerprint of the video.
        notes: What a user should know of how it is read.
    """

    video: Video
    number: int
    n_segments: int
    wanted: tuple[Wanted, ...]
    seek_pts: int | None
    every: int
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Key of the video in an archive."""
        return key_of(self.video.place)


def plan(video: Video, fps: float, registry: Registry) -> list[VideoSegment]:
    """Return the segments of a video, which together cover it.

    Of a video, every Nth frame is looked at, N such that it comes nearest to the rate asked for,
    as `process --every N` does; of a folder of images, each.

    Args:
        video: Video.
        fps: Frames a second to look at.
        registry: Plugins that a stream is read by.

    Raises:
        VideoError: it cannot be read.
    """
    fingerprint = video.fingerprint()
    if video.kind == "images":
        return _of_images(video, fingerprint, registry)
    if video.kind == "file":
        with opened(video.place) as (container, stream):
            stamps = Stamps(container, stream)
        if stamps.can_be_sought:
            return _of_stamps(video, stamps, every_of(stamps.fps, fps), fingerprint)
        if "://" in video.place:
            raise VideoError(
                f"{video.place}: its frames have no stamps of their own, so that it cannot be "
                "sought: copy it to this machine"
            )
        video = Video(video.place, "stream")
    source = open_source(video.place, registry)
    try:
        info = source.info()
        if info.live:
            raise VideoError(f"{video.place} is live: an archive is of what can be read again")
        return [VideoSegment(video, 0, 1, (), None, every_of(info.fps, fps), fingerprint)]
    finally:
        source.close()


def every_of(rate: float, fps: float) -> int:
    """Return N, so that every Nth frame of a rate gives about so many a second.

    >>> every_of(29.97, 2), every_of(10, 25)
    (15, 1)
    """
    return max(1, round(rate / fps))


def _of_stamps(video: Video, stamps: Stamps, every: int, fingerprint: str) -> list[VideoSegment]:
    starts = _starts(stamps)
    ends = [*starts[1:], len(stamps.pts)]
    notes = (stamps.problem,) if stamps.problem else ()
    found = []
    for start, end in zip(starts, ends, strict=True):
        frames = range(-(-start // every) * every, end, every)
        wanted = tuple(
            Wanted(frame, int(stamps.pts[frame]), float(stamps.time_s[frame])) for frame in frames
        )
        found.append((wanted, int(stamps.pts[start]) if start else None))
    return [
        VideoSegment(video, number, len(found), wanted, seek, every, fingerprint, notes)
        for number, (wanted, seek) in enumerate(found)
    ]


def _starts(stamps: Stamps) -> list[int]:
    """Return the frames that segments begin at: key frames, about a minute apart."""
    starts = [0]
    for frame in np.flatnonzero(stamps.is_key):
        if stamps.time_s[frame] - stamps.time_s[starts[-1]] >= SEGMENT_S:
            starts.append(int(frame))
    return starts


def _of_images(video: Video, fingerprint: str, registry: Registry) -> list[VideoSegment]:
    source = open_source(video.place, registry)
    if not isinstance(source, Pictures):
        raise VideoError(f"expected a folder of images, found another source at {video.place}")
    n, fps = len(source.files), source.info().fps
    chunks: Sequence[range] = [range(i, min(i + IMAGES, n)) for i in range(0, n, IMAGES)]
    return [
        VideoSegment(
            video,
            number,
            len(chunks),
            tuple(Wanted(i, None, i / fps) for i in chunk),
            None,
            1,
            fingerprint,
        )
        for number, chunk in enumerate(chunks)
    ]
