"""The frames of a segment, decoded where they are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from drivemeta.archive.containers import opened
from drivemeta.archive.segments import VideoSegment, Wanted
from drivemeta.core.pictures import read_picture
from drivemeta.core.videos import upright
from drivemeta.errors import VideoError
from drivemeta.plugins.registry import Registry
from drivemeta.plugins.source.image_files import Pictures
from drivemeta.video.opening import open_source

Image = NDArray[np.uint8]


class SegmentFrames:
    """Gives the frames of a segment that are wanted, in order.

    Args:
        segment: VideoSegment.
        registry: Plugins that a stream is read by.

    Attributes:
        n_corrupt: Packets or files that were damaged, so far.
        n_missing: Frames that were wanted and did not come, once all have been taken.
        notes: What a user should know of how it was read.
    """

    def __init__(self, segment: VideoSegment, registry: Registry) -> None:
        self._segment, self._registry = segment, registry
        self.n_corrupt, self.n_missing = 0, 0
        self.notes = list(segment.notes)

    def __iter__(self) -> Iterator[tuple[Wanted, Image]]:
        """Yield the frames and their images, (height, width, 3) uint8 BGR.

        Raises:
            VideoError: the video cannot be opened.
        """
        kinds = {"file": self._of_file, "images": self._of_images, "stream": self._of_stream}
        n = 0
        for wanted, image in kinds[self._segment.video.kind]():
            n += 1
            yield wanted, image
        if self._segment.video.kind != "stream":
            self.n_missing = len(self._segment.wanted) - n

    def _of_file(self) -> Iterator[tuple[Wanted, Image]]:
        wanted = {each.pts: each for each in self._segment.wanted}
        if not wanted:
            return
        last = max(pts for pts in wanted if pts is not None)
        for decoded in self._decoded(self._segment.seek_pts):
            if decoded.pts in wanted:
                yield wanted.pop(decoded.pts), upright(decoded)
            if decoded.pts is not None and decoded.pts >= last:
                return

    def _decoded(self, seek_pts: int | None) -> Iterator[av.VideoFrame]:
        """Yield decoded frames from a key frame on, from the beginning if it is not found."""
        with opened(self._segment.video.place) as (container, stream):
            if seek_pts is not None and not _sought(container, stream, seek_pts):
                seek_pts = None
            is_first = seek_pts is not None
            for packet in self._packets(container, stream):
                if is_first and seek_pts is not None and packet.pts is not None:
                    is_first = False
                    if packet.pts > seek_pts:  # too far: the index of the file is none
                        break
                try:
                    yield from packet.decode()
                except av.EOFError:
                    return
                except av.FFmpegError:
                    self.n_corrupt += 1
            else:
                return
        yield from self._decoded(None)

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.EOFError:
                return
            except av.FFmpegError:
                self.n_corrupt += 1
                continue
            if packet is None:
                return
            yield packet

    def _of_images(self) -> Iterator[tuple[Wanted, Image]]:
        source = open_source(self._segment.video.place, self._registry)
        if not isinstance(source, Pictures):
            raise VideoError(f"expected images at {self._segment.video.place}, found none")
        for wanted in self._segment.wanted:
            image = read_picture(source.files[wanted.frame])
            if image is None:
                self.n_corrupt += 1
                self.notes.append(f"{source.files[wanted.frame].name} cannot be read")
            else:
                yield wanted, image

    def _of_stream(self) -> Iterator[tuple[Wanted, Image]]:
        """Yield every Nth frame of a source, or those that are wanted of it."""
        chosen = {wanted.frame for wanted in self._segment.wanted}
        source = open_source(self._segment.video.place, self._registry)
        try:
            for frame in source:
                if frame.index in chosen if chosen else frame.index % self._segment.every == 0:
                    yield Wanted(frame.index, frame.pts, frame.time_s), frame.image
                if chosen and frame.index >= max(chosen):
                    return
            counts = source.counts()
            self.n_corrupt += counts.n_corrupt
            self.notes += counts.notes
            if counts.ended_early:
                self.notes.append("it ended before its announced end: it may be cut off")
        finally:
            source.close()


def _sought(container: InputContainer, stream: VideoStream, pts: int) -> bool:
    """Seek to the key frame at or before a stamp; tell whether the file can."""
    try:
        container.seek(pts, stream=stream, backward=True, any_frame=False)
    except av.FFmpegError:
        return False
    return True
