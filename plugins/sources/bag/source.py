"""Recordings: the compressed images of one topic of MCAP files, and of ROS 2 bags made of them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader, make_reader
from mcap_protobuf.decoder import DecoderFactory as Protobuf
from mcap_ros2.decoder import DecoderFactory as Ros2
from numpy.typing import NDArray

from drivemeta.core import Frame
from drivemeta.errors import InputError, VideoError, suggest
from drivemeta.plugins.protocols import StreamInfo
from drivemeta.video.clock import SteadyClock

SCHEMAS = (
    "foxglove.CompressedImage",
    "foxglove_msgs/msg/CompressedImage",
    "sensor_msgs/msg/CompressedImage",
    "sensor_msgs/CompressedImage",
)
DEFAULT_FPS = 10.0
# What the reader raises on a file that is cut off or damaged, beside its own errors.
_DAMAGED = (McapError, ValueError, KeyError, EOFError, OverflowError, struct.error)


@dataclass
class _Topic:
    """What a recording tells of one topic of images; times in nanoseconds."""

    n_messages: int = 0
    first_ns: int = 0
    last_ns: int = 0


class BagSource:
    """Reads the images of one topic, in order of the time they were recorded at.

    Messages may be JSON, Protobuf (`foxglove.CompressedImage`) or CDR (`sensor_msgs/msg/
    CompressedImage`); images in them JPEG, PNG or whatever OpenCV reads. A file that is cut off is
    read as far as it goes.

    Args:
        path: an MCAP file, or the folder of a ROS 2 bag that is stored as MCAP.
        topic: of the images; need not be given where there is one only.

    Attributes:
        n_corrupt: messages whose image could not be decoded and were skipped.
        ended_early: a file ended before its end.

    Raises:
        VideoError: there is no such recording, or no image in it.
        InputError: several topics hold images and none was named, or another one.
    """

    def __init__(self, path: str | Path, topic: str | None = None) -> None:
        self._path, self.n_corrupt, self.ended_early = Path(path), 0, False
        self._files = _files_of(self._path)
        topics: dict[str, _Topic] = {}
        for file in self._files:
            _survey(file, topics)
        if not topics:
            raise VideoError(f"expected images ({SCHEMAS[0]}, ...), found none in {self._path}")
        self._topic = _chosen(topic, topics, self._path)
        self._known = topics[self._topic]
        self._size: tuple[int, int] | None = None

    def info(self) -> StreamInfo:
        """Describe the topic; the rate is the mean, the size that of the first image."""
        known = self._known
        if self._size is None:
            first = next((image for _, image in self._images() if image is not None), None)
            if first is None:
                raise VideoError(f"none of the images of {self._topic} can be read: {self._path}")
            self._size = (first.shape[0], first.shape[1])
        seconds = (known.last_ns - known.first_ns) / 1e9
        fps = (known.n_messages - 1) / seconds if seconds > 0 else DEFAULT_FPS
        return StreamInfo(self._path.name, (), self._size, fps, known.n_messages)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the images at the times they were recorded at, counted from the first."""
        clock, index, self.n_corrupt = SteadyClock(1 / self.info().fps), 0, 0
        self.ended_early = False
        for time_ns, image in self._images():
            if image is None:
                self.n_corrupt += 1
                continue
            yield Frame(image, index, clock.next(time_ns / 1e9), time_ns)
            index += 1

    def close(self) -> None:
        """Nothing is held open."""

    def _images(self) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
        factories = {factory: factory() for factory in (Protobuf, Ros2)}
        for file in self._files:
            with file.open("rb") as stream:
                messages = _messages(stream, [self._topic])
                while True:
                    try:
                        found = next(messages, None)
                        if found is None:
                            break
                    except _DAMAGED:
                        self.ended_early = True
                        break
                    schema, channel, message = found
                    yield message.log_time, _image(schema, channel, message, factories)


def _files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    description = path / "metadata.yaml"
    if not description.is_file():
        raise VideoError(
            f"expected an MCAP file or the folder of a ROS 2 bag, found none at {path}"
        )
    try:
        told = yaml.safe_load(description.read_text(encoding="utf-8"))
        names = told["rosbag2_bagfile_information"]["relative_file_paths"]
        files = [path / str(name) for name in names]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise VideoError(f"expected a ROS 2 bag's metadata, cannot read {description}") from error
    for file in files:
        if file.suffix != ".mcap":
            raise VideoError(
                f"expected a bag stored as MCAP, found {file.name} in {path}: `ros2 bag convert` "
                "makes one"
            )
        if not file.is_file():
            raise VideoError(f"expected {file}, as {description} says, found none")
    return files


def _messages(stream: Any, topics: list[str] | None) -> Iterator[tuple[Any, Any, Any]]:
    """Yield schema, channel and message of a file; without an index, in the order they lie."""
    reader = make_reader(stream)
    try:
        indexed = reader.get_summary() is not None
    except _DAMAGED:
        indexed = False
    if not indexed:
        stream.seek(0)
        reader = NonSeekingReader(stream)
    yield from reader.iter_messages(topics, log_time_order=indexed)


def _survey(file: Path, topics: dict[str, _Topic]) -> None:
    """Count the images of each topic of a file, by its index or else by reading all of it.

    Raises:
        VideoError: it is no MCAP file.
    """
    with file.open("rb") as stream:
        try:
            summary = make_reader(stream).get_summary()
        except _DAMAGED:
            summary = None
        if summary is not None and summary.statistics is not None:
            told = summary.statistics
            for number, channel in summary.channels.items():
                schema = summary.schemas.get(channel.schema_id)
                count = told.channel_message_counts.get(number, 0)
                if schema is not None and schema.name in SCHEMAS and count:
                    span = (told.message_start_time, told.message_end_time)
                    _count(topics, channel.topic, count, *span)
            return
        stream.seek(0)
        try:
            for schema, channel, message in _messages(stream, None):
                if schema is not None and schema.name in SCHEMAS:
                    _count(topics, channel.topic, 1, message.log_time, message.log_time)
        except _DAMAGED as error:
            if not topics:
                raise VideoError(
                    f"expected an MCAP recording, cannot read {file}: it is damaged, cut off, or "
                    f"none ({error})"
                ) from error


def _count(topics: dict[str, _Topic], name: str, n: int, first_ns: int, last_ns: int) -> None:
    known = topics.setdefault(name, _Topic(0, first_ns, last_ns))
    known.n_messages += n
    known.first_ns, known.last_ns = min(known.first_ns, first_ns), max(known.last_ns, last_ns)


def _chosen(asked: str | None, topics: dict[str, _Topic], path: Path) -> str:
    if asked is not None and asked not in topics:
        raise InputError(f"{path} has no images under {asked!r}; {suggest(asked, topics)}")
    if asked is None and len(topics) > 1:
        raise InputError(
            f"{path} has images under {', '.join(sorted(topics))}: choose one by "
            "--set bag.topic=..."
        )
    return asked if asked is not None else next(iter(topics))


def _image(
    schema: Any, channel: Any, message: Any, factories: dict[Any, Any]
) -> NDArray[np.uint8] | None:
    """Return a message's image, or None if it cannot be decoded."""
    try:
        if channel.message_encoding == "json":
            data = base64.b64decode(json.loads(message.data)["data"])
        else:
            factory = factories[Protobuf if channel.message_encoding == "protobuf" else Ros2]
            decode = factory.decoder_for(channel.message_encoding, schema)
            if decode is None:
                return None
            data = bytes(decode(message.data).data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (*_DAMAGED, AttributeError, TypeError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)
