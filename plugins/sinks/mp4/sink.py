"""Annotated video through PyAV, in segments that survive a kill; the audio is dropped."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import av

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.sink.privacy import Privacy
from drivemeta.plugins.sink.render import draw, label_parts
from drivemeta.plugins.sink.video_segments import (
    Encoding,
    Segment,
    join_segments,
    kept_segments,
)

SEGMENT_S = 10.0
ENCODERS = {"h264": "libx264", "openh264": "libopenh264", "mpeg4": "mpeg4"}
OPTIONS = {
    "h264": {"preset": "veryfast", "crf": "23", "bf": "0"},
    "mpeg4": {"qmin": "2", "qmax": "6"},
}


class Mp4:
    """Writes `annotated.mp4` at the source's frame times.

    While the run lasts, closed segments of ten seconds lie in a hidden folder beside it.

    Args:
        context: Context of the run, whose folder is written into.
        encoder: `h264` (x264, GPL, inside PyAV's wheels), `openh264` or `mpeg4`.
        name: Name of the file.
        segment_s: Seconds a segment.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.
        threads: Threads of the encoder. With one, the same frames make the same file, on whatever
            number of cores; more are quicker.
        unconfirmed: Whether objects are drawn that the tracker has given no identity, as most false
            alarms have none; where the tracker is `none`, all are.
        labels: What labels say: `name,score,id`, some of these, or `none`.

    Raises:
        InputError: the encoder is unknown or not in this build of FFmpeg, a number is too small, or
            labels cannot say what is asked for.
    """

    def __init__(
        self,
        context: RunContext,
        encoder: str = "h264",
        name: str = "annotated.mp4",
        segment_s: float = SEGMENT_S,
        blur: str = "",
        threads: int = 1,
        unconfirmed: bool = False,
        labels: str = "name,score,id",
    ) -> None:
        codec = ENCODERS.get(encoder)
        if codec is None or codec not in av.codecs_available:
            there = ", ".join(
                key for key, value in ENCODERS.items() if value in av.codecs_available
            )
            raise InputError(f"video encoder {encoder!r} is not available; there is: {there}")
        if segment_s <= 0:
            raise InputError(f"segment_s: expected more than 0, found {segment_s}")
        if threads < 1:
            raise InputError(f"threads: expected 1 or more, found {threads}")
        self._codec, self._segment_s = codec, segment_s
        self._options = {**OPTIONS.get(encoder, {}), "threads": str(threads)}
        self._privacy, self._draws_all = Privacy(blur), unconfirmed or context.tracker == "none"
        self._parts = label_parts(labels)
        self._path = context.folder / name
        self._segments = self._path.with_name(f".{self._path.stem}.segments")
        self._encoding: Encoding | None = None
        self._segment: Segment | None = None
        self._committed = self._next = 0
        self._written: list[Path] = []

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin the video, or go on after the last segment that was closed."""
        height, width = info.frame_size
        size = max(2, height // 2 * 2), max(2, width // 2 * 2)  # even, as the codecs want
        rate = Fraction(info.fps).limit_denominator(1001)
        self._encoding = Encoding(self._codec, self._options, size, rate, info.tags)
        try:
            self._committed = self._next = kept_segments(self._segments, resume_at)
            self._segments.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(error) from error

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw the tracks and encode the frame; another size is fitted into that of the stream."""
        shown = tracks if self._draws_all else tracks[tracks.ids != UNTRACKED]
        image = draw(self._privacy.hidden(frame.image, tracks.detections), shown, self._parts)
        try:
            if self._segment is not None and self._due(frame):
                self._close_segment(frame.index)
            if self._segment is None and self._encoding is not None:
                self._segment = Segment(self._segments, self._encoding, frame.index, frame.time_s)
            if self._segment is None:
                raise OutputError(f"{self._path} is not open")
            self._segment.write(image, frame.time_s)
        except (OSError, av.FFmpegError) as error:
            raise self._error(error) from error
        self._next = frame.index + 1

    def commit(self) -> int:
        """Return the frame after the last closed segment."""
        return self._committed

    def close(self) -> list[Path]:
        """Join the segments under the final name."""
        if self._encoding is not None:
            try:
                self._close_segment(self._next)
                self._finish()
            except (OSError, av.FFmpegError) as error:
                raise self._error(error) from error
            self._encoding = None
        return self._written

    def abort(self) -> None:
        """Throw the open segment away; the closed ones stay."""
        if self._segment is not None:
            self._segment.abort()
        self._segment = self._encoding = None

    def _due(self, frame: Frame) -> bool:
        """Tell whether a segment begins with this frame: by its time, so always at the same one."""
        begun = self._segment.time_s if self._segment is not None else 0.0
        return int(frame.time_s / self._segment_s) > int(begun / self._segment_s)

    def _close_segment(self, stop: int) -> None:
        if self._segment is not None:
            self._segment.close(stop)
            self._segment, self._committed = None, stop

    def _finish(self) -> None:
        if self._next:
            joined = self._segments / "joined.part.mp4"
            join_segments(self._segments, joined)
            os.replace(joined, self._path)
            self._written = [self._path]
        shutil.rmtree(self._segments, ignore_errors=True)

    def _error(self, error: Exception) -> OutputError:
        return OutputError(f"cannot write {self._path}: {error}")
