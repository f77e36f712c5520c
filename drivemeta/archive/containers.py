"""Video files for seeking: on this machine or behind a URL, their frames by number and stamp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av
import fsspec
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from drivemeta.archive.places import is_url
from drivemeta.archive.storage import reading
from drivemeta.core.videos import UNREADABLE, open_video, video_track, wrap_s
from drivemeta.errors import VideoError
from drivemeta.plugins.source.clock import SteadyClock, timed

DEFAULT_FPS = 30.0
_NO_TIMESTAMPS = 0x80  # FFmpeg's flag of a format without time stamps


@contextmanager
def opened(place: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file at its default track.

    Raises:
        VideoError: it is damaged, cut off, or no video.
        InputError: it cannot be read.
    """
    if not is_url(place):
        try:
            video = open_video(place)
        except ValueError as error:
            raise VideoError(f"expected a video, cannot read {place}: {error}") from error
        with video.container:
            yield video.container, video.stream
        return
    with reading(place):
        file = fsspec.open(place, "rb").open()
    with file:
        try:
            container = av.open(file, metadata_errors="replace")
            stream, _ = video_track(container)
        except UNREADABLE as error:
            raise VideoError(f"expected a video, cannot read {place}: {error}") from error
        stream.thread_type = "AUTO"
        with container:
            yield container, stream


class Stamps:
    """The frames of a video file in order of presentation, as its packets tell them.

    Args:
        container: Container, which is read to its end.
        stream: Track.

    Attributes:
        pts: (n,) int64, stamps in the order of presentation.
        is_key: (n,) bool, whether decoding can begin there.
        time_s: (n,) float64, seconds since the beginning, as `process` gives them.
        fps: Frames a second, nominal.
        can_be_sought: Whether the stamps tell the frames apart, so that seeking finds them.
        problem: What ended the reading before the end, empty if nothing did.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        known = [rate for rate in (stream.guessed_rate, stream.average_rate) if rate]
        self.fps = float(min(known)) if known else DEFAULT_FPS
        form = container.format
        raw = bool(form.flags & _NO_TIMESTAMPS) or form.name.endswith("_pipe")
        stamps, keys, n_without, self.problem = [], [], 0, ""
        try:
            for packet in container.demux(stream):
                if packet.pts is None:
                    n_without += packet.size > 0
                elif packet.size and not packet.is_discard:
                    stamps.append(packet.pts)
                    keys.append(packet.is_keyframe)
        except av.FFmpegError as error:
            self.problem = f"its packets end early: {error}"
        order = np.argsort(np.array(stamps, np.int64), kind="stable")
        self.pts = np.array(stamps, np.int64)[order]
        self.is_key = np.array(keys, np.bool_)[order]
        distinct = len(np.unique(self.pts)) == len(self.pts)
        self.can_be_sought = bool(len(self.pts) and distinct and not n_without and not raw)
        self.time_s = self._times(stream, wrap_s(container)) if self.can_be_sought else np.zeros(0)

    def _times(self, stream: VideoStream, wrap: float) -> np.ndarray:
        base = float(stream.time_base or 0)
        stated = ((i, float(pts) * base) for i, pts in enumerate(self.pts))
        clock = SteadyClock(1 / self.fps)
        return np.array([time_s for _, time_s in timed(stated, clock, wrap_s=wrap)])
