"""What every kind of recording tells: its topics, and the payloads of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

READ = (
    "foxglove.CompressedImage, foxglove.CompressedVideo, foxglove.RawImage, "
    "sensor_msgs/msg/CompressedImage, sensor_msgs/msg/Image"
)
_KINDS = {
    "foxglove": ("CompressedImage", "CompressedVideo", "RawImage"),
    "foxglove_msgs": ("CompressedImage", "CompressedVideo", "RawImage"),
    "sensor_msgs": ("CompressedImage", "Image"),
}


class Header(NamedTuple):
    """What a message states of its picture.

    Attributes:
        stamp_ns: Time when it was taken, in nanoseconds.
        frame_id: Coordinate frame that it is in.
    """

    stamp_ns: int
    frame_id: str


class Payload(NamedTuple):
    """The picture in a message.

    Attributes:
        time_ns: Time at which the message was recorded, in nanoseconds.
        data: Encoded data; None if the message could not be read.
        problem: Why it could not.
        header: What the message states of when and where it was taken, if it does.
        form: Encoding that the message names, such as `jpeg`, `h264` or `rgb8`.
        layout: Height, width and bytes a row of a picture that is not compressed, else None.
    """

    time_ns: int
    data: bytes | None
    form: str = ""
    layout: tuple[int, int, int] | None = None
    problem: str = ""
    header: Header | None = None


class Picture(NamedTuple):
    """A decoded message.

    Attributes:
        time_ns: Time at which the message was recorded, in nanoseconds.
        image: (height, width, 3) uint8 BGR; None if there is none that can be read.
        problem: Why there is none.
        header: What the message states of when and where it was taken, if it does.
    """

    time_ns: int
    image: NDArray[np.uint8] | None
    problem: str = ""
    header: Header | None = None


def payload_of(time_ns: int, message: Any) -> Payload:
    """Return the picture of a decoded message, compressed or raw.

    Raises:
        AttributeError: the message lacks a field of its kind.
        TypeError: a field is of another type.
    """
    data, header = bytes(message.data), _header(message)
    if not hasattr(message, "encoding"):
        return Payload(time_ns, data, str(message.format), header=header)
    layout = (int(message.height), int(message.width), int(message.step))
    return Payload(time_ns, data, str(message.encoding), layout, header=header)


def _header(message: Any) -> Header | None:
    """Return what a message of ROS (`header`) or Foxglove (`timestamp`) states, None for nothing.

    Seconds and their parts go by several names: `sec` and `nanosec` (ROS), `nsec` (JSON), `seconds`
    and `nanos` (Protobuf).
    """
    inner = getattr(message, "header", message)
    stamp = getattr(inner, "stamp", getattr(inner, "timestamp", None))
    seconds = getattr(stamp, "sec", getattr(stamp, "seconds", None))
    parts = (getattr(stamp, name, None) for name in ("nanosec", "nsec", "nanos"))
    rest = next((part for part in parts if part is not None), None)
    try:
        stamp_ns = int(seconds) * 10**9 + int(rest)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # none, or of another type: the picture is good all the same
        return None
    return Header(stamp_ns, str(getattr(inner, "frame_id", "")))


@dataclass
class Topic:
    """What a recording tells of one topic of pictures; times in nanoseconds."""

    is_video: bool
    is_raw: bool = False
    n_messages: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def count(self, n: int, first_ns: int, last_ns: int) -> None:
        """Add messages and the times of the first and last of them."""
        if not self.n_messages:
            self.first_ns, self.last_ns = first_ns, last_ns
        self.n_messages += n
        self.first_ns, self.last_ns = min(self.first_ns, first_ns), max(self.last_ns, last_ns)


@dataclass
class Contents:
    """Topics of a recording.

    Attributes:
        pictures: Topics that can be read, by name.
        others: Types of the messages of all other topics, by name.
    """

    pictures: dict[str, Topic] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    def count(self, name: str, schema: str, n: int, first_ns: int, last_ns: int) -> None:
        """Add messages of a topic."""
        kind = picture_kind(schema)
        if kind is None:
            self.others[name] = schema
        else:
            topic = self.pictures.setdefault(
                name, Topic(kind == "CompressedVideo", kind in ("Image", "RawImage"))
            )
            topic.count(n, first_ns, last_ns)


class Recording(Protocol):
    """One recording, whatever it is stored as.

    Attributes:
        contents: Topics of the recording.
        ended_early: Whether a file ended before its end, as far as it was read.
    """

    contents: Contents
    ended_early: bool

    def payloads(self, topic: str) -> Iterator[Payload]:
        """Yield the pictures of a topic in the order they were recorded in."""
        ...


def picture_kind(schema: str) -> str | None:
    """Return the name of a schema if its messages are pictures that can be read, or None.

    >>> picture_kind("sensor_msgs/msg/CompressedImage"), picture_kind("foxglove.CompressedVideo")
    ('CompressedImage', 'CompressedVideo')
    >>> [picture_kind(schema) for schema in ("sensor_msgs/msg/PointCloud2", "Image")]
    [None, None]
    """
    *package, name = schema.replace(".", "/").split("/")
    return name if package and name in _KINDS.get(package[0], ()) else None
