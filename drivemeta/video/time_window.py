"""A part of a stream, by time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins.calling import counts_of, frames_of, info_of
from drivemeta.plugins.source.protocol import Source, SourceCounts


class Clipped:
    """The frames of a source between two times; they count from 0 and keep their times.

    Args:
        source: Source of the frames.
        start_s: First time that is given.
        end_s: First time that is not given; None for the end of the source.

    Raises:
        InputError: the part would be empty; if only because the source ends before it, when read.
    """

    def __init__(self, source: Source, start_s: float = 0.0, end_s: float | None = None) -> None:
        if start_s < 0 or (end_s is not None and end_s <= start_s):
            raise InputError(f"expected 0 <= --start < --end, found {start_s} and {end_s}")
        self._source, self._start_s, self._end_s = source, start_s, end_s

    def info(self) -> StreamInfo:
        """Describe the part; the number of frames is by the nominal rate."""
        info = info_of(self._source)
        if info.n_frames is None:
            return info
        last = info.n_frames if self._end_s is None else round(self._end_s * info.fps)
        n_frames = min(last, info.n_frames) - round(self._start_s * info.fps)
        return replace(info, n_frames=max(n_frames, 0) or None)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; what comes before the start is decoded and passed over."""
        index, last_s = 0, None
        for frame in frames_of(self._source):
            last_s = frame.time_s
            if self._end_s is not None and frame.time_s >= self._end_s:
                return
            if frame.time_s >= self._start_s:
                yield replace(frame, index=index)
                index += 1
        if not index and last_s is not None:
            raise InputError(
                f"--start: expected a time in the source, whose last frame is at {last_s:.3f} s, "
                f"found {self._start_s} s"
            )

    def counts(self) -> SourceCounts:
        """Return what the source counts."""
        return counts_of(self._source)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
