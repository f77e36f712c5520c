"""Video files through PyAV, with the container's own time stamps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av

from drivemeta.core import Frame
from drivemeta.core.stream import PictureTags, StreamInfo
from drivemeta.core.videos import OpenVideo, open_video, tags_of, upright, upright_size, wrap_s
from drivemeta.errors import InputError, VideoError
from drivemeta.plugins.source.clock import LEAP_S, SteadyClock, timed
from drivemeta.plugins.source.file_frames import FileFrames
from drivemeta.plugins.source.protocol import SourceCounts

DEFAULT_FPS = 30.0
# FFmpeg's flags: of a format without time stamps, and of an entry of the index that an edit list
# leaves out.
_NO_TIMESTAMPS, _DISCARDED = 0x80, 2
# Formats whose index has each picture, and those whose header states when they end.
_INDEXED = ("avi", "mov,mp4,m4a,3gp,3g2,mj2")
_STATING_THEIR_END = ("asf", "avi", "flv", "matroska,webm")
_COUNTED = re.compile(r"%0?\d*d")  # a number, as FFmpeg writes it in names
SHORT_S = 1.0  # by which a file may end before its stated end


class FileSource:
    """Reads a video file from its beginning, once.

    Pictures are turned and mirrored upright as the container says. Times follow the container's and
    always grow: where they jump back (files joined end to end), they go on a frame after the last,
    and a single stamp that fits none of its neighbours is replaced.

    Args:
        path: Path of the file, in any format that FFmpeg knows.
        track: Number of the video track as FFmpeg counts the tracks, from 0; None for the default.
        fps: Frames a second in place of the file's own times: for raw streams, which have none.

    Raises:
        VideoError: there is no such file, or no video in it.
        InputError: the rate is not above 0.
    """

    def __init__(
        self, path: str | Path, track: int | None = None, fps: float | None = None
    ) -> None:
        if fps is not None and not 0 < fps < float("inf"):
            raise InputError(f"fps: expected a frame rate above 0, found {fps}")
        self._path, self._track, self._fps = Path(path), track, fps
        if not self._path.is_file():
            raise VideoError(_no_file(self._path))
        if self._path.stat().st_size == 0:
            raise VideoError(f"expected a video file, found an empty one: {self._path}")
        self._opened = self._open()
        self._notes = [self._opened.note] if self._opened.note else []
        if fps is None and self._is_raw():
            self._notes.append(self._guess())
        self._frames, self._ended_early = FileFrames(self._opened, self._open), False
        self._reached_s: float | None = None
        self._info: StreamInfo | None = None

    def info(self) -> StreamInfo:
        """Describe the video as its container does, upright."""
        if self._info is None:
            size, tags = self._first_picture()
            n_frames = self._announced() or None
            self._info = StreamInfo(self._path.name, (), size, self._rate(), n_frames, tags=tags)
        return self._info

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of presentation, at the times the container states."""
        index, clock = 0, SteadyClock(1 / self.info().fps)
        wrap = wrap_s(self._opened.container)
        for decoded, time_s in timed(self._stated(), clock, lambda: self._frames.stamps_grow, wrap):
            yield Frame(upright(decoded), index, time_s, decoded.pts)
            index += 1
        self._ended_early = index < self._announced() or self._is_cut()
        self._notes += _odd_times(clock)
        if self._frames.n_marked:
            self._notes.append(
                f"packets that are damaged or lie at a break of the file: {self._frames.n_marked}; "
                "pictures may be missing or damaged there"
            )
        if index == 0:
            raise VideoError(f"expected a video, found no frame that can be decoded: {self._path}")

    def counts(self) -> SourceCounts:
        """Return the packets passed over, and whether fewer frames came than were announced."""
        notes = tuple(self._notes)
        return SourceCounts(self._frames.n_corrupt, ended_early=self._ended_early, notes=notes)

    def close(self) -> None:
        """Close the file."""
        self._opened.container.close()

    def _open(self) -> OpenVideo:
        try:
            opened = open_video(self._path, self._track)
        except ValueError as error:
            raise VideoError(f"expected a video, cannot read {self._path}: {error}") from error
        if not opened.note:
            return opened
        return replace(opened, note=f"{opened.note}; --set file.track=N takes another")

    def _first_picture(self) -> tuple[tuple[int, int], PictureTags]:
        """Return size and tags of the frames as they are given; only a frame tells them."""
        opened = self._open()
        with opened.container, suppress(av.FFmpegError, StopIteration):
            first = next(opened.container.decode(opened.stream))
            return upright_size(first), tags_of(first, opened.stream)
        return (opened.stream.height, opened.stream.width), PictureTags()

    def _rate(self) -> float:
        """Return frames a second: a raw stream's own word, else the lower of mean and guess."""
        stream = self._opened.stream  # the mean counts AVI's empty places, too
        mean, guessed = stream.average_rate, stream.guessed_rate
        known = [rate for rate in (guessed, mean) if rate]
        rate = (known[0] if self._is_raw() else min(known)) if known else DEFAULT_FPS
        return float(self._fps or rate)

    def _is_raw(self) -> bool:
        form = self._opened.container.format
        return bool(form.flags & _NO_TIMESTAMPS) or form.name.endswith("_pipe")

    def _guess(self) -> str:
        return (
            f"the file holds no times: {self._rate():g} frames a second are a guess; --set "
            "file.fps=N says how many they are"
        )

    def _announced(self) -> int:
        """Return how many frames the container announces, 0 if it does not say."""
        stream = self._opened.stream
        index = stream.index_entries if self._opened.container.format.name in _INDEXED else ()
        n_discarded = sum(bool(entry.flags & _DISCARDED) for entry in index)
        return min(stream.frames, len(index) or stream.frames) - n_discarded

    def _stated(self) -> Iterator[tuple[av.VideoFrame, float | None]]:
        """Yield the decoded frames, and what the container states of their times."""
        for decoded in self._frames:
            is_known = decoded.pts is not None and decoded.time_base is not None
            stated_s = float(decoded.pts * decoded.time_base) if is_known else None
            if stated_s is not None:
                self._reached_s = max(self._reached_s or stated_s, stated_s)
            yield decoded, stated_s if self._fps is None else None
        if self._fps is None and self._reached_s is None and not self._is_raw():
            self._notes.append(self._guess())

    def _is_cut(self) -> bool:
        """Tell whether all tracks end before the end that the file's header states."""
        container = self._opened.container
        if container.format.name not in _STATING_THEIR_END or container.duration is None:
            return False
        begin_s = (container.start_time or 0) / av.time_base
        end_s = begin_s + container.duration / av.time_base - SHORT_S
        if self._reached_s is None or self._reached_s >= end_s:
            return False
        with suppress(av.FFmpegError), self._open().container as again:  # sound may go on alone
            return not any(
                packet.pts is not None and packet.pts * packet.time_base >= end_s
                for packet in again.demux()
            )
        return True


def _no_file(path: Path) -> str:
    """Return what is wrong with a place that is no file, and what to do."""
    if str(path) == "-" or (path.exists() and not path.is_dir()):
        return (
            f"expected a video file, found a pipe or device: {path}; a video is read more than "
            "once, so save it as a file first"
        )
    pattern = _COUNTED.sub("*", str(path))
    row = f"; a row of images is given as {pattern!r}" if pattern != str(path) else ""
    return f"expected a video file, found none at {path}{row}"


def _odd_times(clock: SteadyClock) -> list[str]:
    """Return what a user should know of the container's times."""
    notes = []
    if clock.n_strays:
        notes.append(
            f"time stamps of {clock.n_strays} frames fitted none of their neighbours: they were "
            "replaced"
        )
    if clock.leap_s > LEAP_S:
        notes.append(f"the file's times leap by {clock.leap_s:.1f} s: kept as the file says")
    return notes
