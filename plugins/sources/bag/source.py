"""Recordings: the pictures of one topic of MCAP files and of bags of ROS 1 and ROS 2."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from drivemeta.core import Frame
from drivemeta.core.bag_folder import is_of_rosbags, recording_files
from drivemeta.core.frame import Message
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, PluginError, VideoError, suggest
from drivemeta.plugins.source.clock import SteadyClock
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.plugins.source.recordings.decoding import stills, video
from drivemeta.plugins.source.recordings.topics import READ, Contents, Picture, Recording

DEFAULT_FPS = 10.0


class BagSource:
    """Reads the pictures of one topic, in order of the time they were recorded at.

    Messages may be JSON or Protobuf (`foxglove.CompressedImage`, `CompressedVideo`, `RawImage`),
    CDR or ROS 1's (`sensor_msgs/CompressedImage`, `Image`); stills in them JPEG, PNG or whatever
    OpenCV reads, video H.264, H.265, VP9 or AV1, raw pictures of 8 bits in rgb8, bgr8, rgba8,
    bgra8, mono8, YUYV, UYVY or one of Bayer's patterns.
    A file that is cut off is read as far as it goes.

    Args:
        path: MCAP file, a `.bag` of ROS 1, or the folder of a bag of ROS 2.
        topic: Topic of the pictures; need not be given where there is one only, or one only of
            compressed pictures.

    Raises:
        VideoError: there is no such recording, or no picture in it.
        InputError: several topics hold pictures and none was named, or another one.
        PluginError: what reads this kind of recording is not installed.
    """

    def __init__(self, path: str | Path, topic: str | None = None) -> None:
        self._path, self._n_corrupt, self._problems = Path(path), 0, set[str]()
        self._recording = _opened(self._path)
        self._topic = _chosen(topic, self._recording.contents, self._path)
        self._known = self._recording.contents.pictures[self._topic]
        self._size: tuple[int, int] | None = None

    def info(self) -> StreamInfo:
        """Describe the topic; the rate is the mean, the size that of the first picture."""
        known = self._known
        if self._size is None:
            self._size = self._first_size()
        seconds = (known.last_ns - known.first_ns) / 1e9
        fps = (known.n_messages - 1) / seconds if seconds > 0 else DEFAULT_FPS
        return StreamInfo(self._path.name, (), self._size, fps, known.n_messages)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures at the times they were recorded at, counted from the first."""
        clock, index, self._n_corrupt = SteadyClock(1 / self.info().fps), 0, 0
        for time_ns, image, problem, header in self._pictures():
            if image is None:
                self._n_corrupt += 1
                self._problems.add(problem)
                continue
            stamp_ns, frame_id = header or (time_ns, "")
            message = Message(self._topic, stamp_ns, frame_id, time_ns)
            yield Frame(image, index, clock.next(time_ns / 1e9), time_ns, message=message)
            index += 1

    def counts(self) -> SourceCounts:
        """Return the messages whose picture was passed over, and whether a file is cut off."""
        notes = tuple(f"a picture was passed over: {said}" for said in sorted(self._problems)[:3])
        ended_early = self._recording.ended_early
        return SourceCounts(self._n_corrupt, ended_early=ended_early, notes=notes)

    def close(self) -> None:
        """Nothing is held open."""

    def _first_size(self) -> tuple[int, int]:
        problems: set[str] = set()
        for _, image, problem, _ in self._pictures():
            if image is not None:
                return image.shape[0], image.shape[1]
            problems.add(problem)
        raise VideoError(
            f"none of the pictures of {self._topic} can be read: {self._path}: "
            f"{'; '.join(sorted(problems)[:3]) or 'it is damaged or cut off'}"
        )

    def _pictures(self) -> Iterator[Picture]:
        payloads = self._recording.payloads(self._topic)
        return video(payloads) if self._known.is_video else stills(payloads)


def _opened(path: Path) -> Recording:
    files = recording_files(path)
    recording: Recording = (
        _reader("ros", "RosRecording", "ros")(path)
        if is_of_rosbags(files)
        else _reader("mcap", "McapRecording", "mcap")(files)
    )
    return recording


def _reader(module: str, name: str, extra: str) -> type:
    try:
        found: type = getattr(
            importlib.import_module(f"drivemeta.plugins.source.recordings.{module}"), name
        )
    except ImportError as error:
        raise PluginError(
            f"source 'bag': cannot read this kind of recording ({error}); it needs: pip install "
            f"'drivemeta[{extra}]'"
        ) from error
    return found


def _chosen(asked: str | None, contents: Contents, path: Path) -> str:
    topics = contents.pictures
    if not topics:
        held = ", ".join(f"{name} ({kind})" for name, kind in sorted(contents.others.items()))
        raise VideoError(
            f"expected pictures ({READ}), found none in {path}: it holds {held or 'no message'}"
        )
    if asked is not None and asked not in topics:
        raise InputError(f"{path} has no pictures under {asked!r}; {suggest(asked, topics)}")
    if asked is not None:
        return asked
    choice = [name for name, topic in topics.items() if not topic.is_raw] or list(topics)
    if len(choice) > 1:
        raise InputError(
            f"{path} has pictures under {', '.join(sorted(topics))}: choose one by "
            "--set bag.topic=..."
        )
    return choice[0]
