"""Clips: a video or a folder of pictures, any frame of which can be had by its number."""

from __future__ import annotations

import bisect
import hashlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.pictures import read_header, read_picture
from drivemeta.core.videos import UNREADABLE, open_video, upright
from drivemeta.errors import InputError, VideoError
from drivemeta.files import list_images

Image = NDArray[np.uint8]
MOST_REMEMBERED_BYTES = 30_000_000  # of decoded frames, in each decoder; one at least
PICTURES_FPS = 2.0  # pace of a folder of pictures when it plays
FAR_FRAMES = 8  # ahead in the same group of pictures that reading on is worth at any time


class Clip(Protocol):
    """Frames by number; several threads may ask.

    Attributes:
        path: Video or folder.
        n_frames: Number of frames.
        fps: Frames a second, the mean where it varies.
        digest: What changes when the files change.
    """

    path: Path
    n_frames: int
    fps: float
    digest: str

    def time_s(self, number: int) -> float:
        """Return when a frame is shown, in seconds from the start."""

    def size(self, number: int) -> tuple[int, int]:
        """Return height and width of a frame in pixels."""

    def frame(self, number: int) -> Image:
        """Return a frame, (height, width, 3) uint8 BGR, upright.

        Raises:
            VideoError: it cannot be decoded.
        """

    def near(self, number: int) -> tuple[int, Image]:
        """Return a frame at or before this one that is quick to have, and its number."""

    def close(self) -> None:
        """Give the files free."""


def open_clip(path: Path) -> Clip:
    """Open a video, or a folder of pictures.

    Raises:
        InputError: there is no such file, or it is neither.
    """
    if path.is_dir():
        return PictureClip(path)
    if not path.is_file():
        raise InputError(f"expected a video or a folder of images, found none at {path}")
    return VideoClip(path)


def clip_with(clips: Mapping[str, Clip], name: str, frame: int = 0) -> Clip:
    """Return the clip of a name, which has a frame.

    Raises:
        InputError: there is no such clip or frame.
    """
    found = clips.get(name)
    if found is None:
        raise InputError(f"expected the name of a clip, found {name!r}, which is not open here")
    if not 0 <= frame < found.n_frames:
        raise InputError(f"{name}: expected a frame of 0..{found.n_frames - 1}, found {frame}")
    return found


class VideoClip:
    """A video file, with an index of its pictures and key pictures.

    Args:
        path: File.

    Raises:
        VideoError: it cannot be read, or cannot be sought.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._times, self._keys, base = _index(path)
        self._start = self._times[0]
        self._base = base
        self.n_frames = len(self._times)
        span = float((self._times[-1] - self._start) * base)
        self.fps = (self.n_frames - 1) / span if span > 0 else PICTURES_FPS
        self.digest = _digest(path, [self.n_frames])
        self._exact, self._quick = _Reader(path), _Reader(path)
        first = self.frame(0).shape
        self._size = (first[0], first[1])

    def time_s(self, number: int) -> float:
        """Return when a frame is shown, in seconds from the start."""
        return float((self._times[number] - self._start) * self._base)

    def size(self, number: int) -> tuple[int, int]:  # noqa: ARG002  (all frames are alike)
        """Return height and width of a frame in pixels."""
        return self._size

    def frame(self, number: int) -> Image:
        """Return a frame, upright."""
        wanted = self._times[number]
        return self._exact.read(wanted, self._key_before(number), _ahead(self._times, number))

    def near(self, number: int) -> tuple[int, Image]:
        """Return the key frame at or before a frame, or the frame itself where it is at hand."""
        if (known := self._exact.remembered(self._times[number])) is not None:
            return number, known
        key = self._key_before(number)
        at = max(bisect.bisect_right(self._times, key) - 1, 0)
        return at, self._quick.read(self._times[at], key, frozenset())

    def close(self) -> None:
        """Give the file free."""
        self._exact.close()
        self._quick.close()

    def _key_before(self, number: int) -> int:
        at = bisect.bisect_right(self._keys, self._times[number]) - 1
        return self._keys[max(at, 0)]


class PictureClip:
    """A folder of pictures, in the order of their names.

    Args:
        path: Folder.

    Raises:
        InputError: there are no pictures in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = list_images(path, nested=True)
        if not self._files:
            raise InputError(f"expected a video or a folder of images, found no image in {path}")
        self.n_frames, self.fps = len(self._files), PICTURES_FPS
        facts = [(str(file.relative_to(path)), file.stat().st_size) for file in self._files]
        self.digest = _digest(path, facts)

    def time_s(self, number: int) -> float:
        """Return when a picture is shown where the folder plays."""
        return number / self.fps

    def size(self, number: int) -> tuple[int, int]:
        """Return height and width of a picture, upright."""
        try:
            return read_header(self._files[number]).size
        except ValueError as error:
            raise VideoError(f"cannot read {self._files[number]}: {error}") from error

    def frame(self, number: int) -> Image:
        """Return a picture, upright."""
        image = read_picture(self._files[number])
        if image is None:
            raise VideoError(f"cannot read {self._files[number]}: it is damaged or no image")
        return image

    def near(self, number: int) -> tuple[int, Image]:
        """Return the picture itself."""
        return number, self.frame(number)

    def close(self) -> None:
        """Nothing is held open."""


class _Reader:
    """One decoder of a file, which seeks where going on would take longer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._video = open_video(path)
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._at: int | None = None  # time of the last picture that came
        self._known: dict[int, Image] = {}

    def remembered(self, time: int) -> Image | None:
        """Return the picture of a time if it is at hand."""
        return self._known.get(time)

    def read(self, time: int, key: int, ahead: frozenset[int]) -> Image:
        """Return the picture of a time stamp.

        Args:
            time: Time stamp.
            key: That of the key picture from which it can be decoded.
            ahead: Time stamps before it from which going on is quicker than seeking.
        """
        with self._lock:
            if (known := self._known.get(time)) is not None:
                return known
            onward = self._at is not None and (key <= self._at < time or self._at in ahead)
            try:
                image = self._read(time, None if onward else key)
            except UNREADABLE as error:
                self._at = None
                raise VideoError(f"cannot decode {self._path} at {time}: {error}") from error
            self._known[time] = image
            while len(self._known) * image.nbytes > max(MOST_REMEMBERED_BYTES, image.nbytes):
                self._known.pop(next(iter(self._known)))
            return image

    def _read(self, time: int, key: int | None) -> Image:
        if key is not None:
            self._video.container.seek(key, stream=self._video.stream)
            self._frames = self._video.container.decode(self._video.stream)
        last: av.VideoFrame | None = None
        for frame in self._frames:
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is None:
                continue
            self._at, last = stamp, frame
            if stamp >= time:
                return upright(frame)
        self._at = None
        if last is None:
            raise ValueError("the file ends before this frame: it may be cut off")
        return upright(last)

    def close(self) -> None:
        with self._lock:
            self._video.container.close()


def _index(path: Path) -> tuple[list[int], list[int], float]:
    """Return the time stamps of all pictures and of the key ones, sorted, and their unit in s."""
    try:
        video = open_video(path)
    except ValueError as error:
        raise VideoError(f"cannot read {path}: {error}") from error
    with video.container as container:
        stamps, keys = [], []
        try:
            for packet in container.demux(video.stream):
                if packet.pts is not None and not packet.is_discard:
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        except UNREADABLE as error:
            if not stamps:
                raise VideoError(f"cannot read {path}: {error}") from error
        if not stamps or not keys or video.stream.time_base is None:
            raise VideoError(
                f"expected a video whose frames can be sought, found no time stamps in {path}; "
                f"wrap it: ffmpeg -i {path.name} -c copy {path.stem}.mp4"
            )
        return sorted(set(stamps)), sorted(set(keys)), float(video.stream.time_base)


def _ahead(times: list[int], number: int) -> frozenset[int]:
    return frozenset(times[max(number - FAR_FRAMES, 0) : number])


def _digest(path: Path, facts: object) -> str:
    stat = path.stat()
    said = repr((stat.st_size if path.is_file() else 0, int(stat.st_mtime), facts))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
