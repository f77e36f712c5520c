"""Bags of ROS 1 (`.bag`) and of ROS 2 in SQLite (`.db3`), by `rosbags` (extra `ros`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.rosbag1 import ReaderError as Ros1Error
from rosbags.rosbag2 import ReaderError as Ros2Error
from rosbags.typesys import Stores, get_typestore

from drivemeta.errors import VideoError
from drivemeta.plugins.source.recordings.ros_messages import UNREADABLE
from drivemeta.plugins.source.recordings.topics import Contents, Payload, payload_of

_DAMAGED = (
    *(AnyReaderError, Ros1Error, Ros2Error, apsw.Error),
    *(OSError, EOFError, *UNREADABLE),
)


class RosRecording:
    """A bag whose messages are read by the definitions it holds, or else by those of ROS 2.

    Args:
        path: `.bag` file, or the folder of a bag with its `metadata.yaml`.

    Raises:
        VideoError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.contents, self.ended_early = path, Contents(), False
        try:
            with self._reader() as reader:
                span = (reader.start_time, reader.end_time) if reader.message_count else (0, 0)
                for channel in reader.connections:
                    if channel.msgcount:
                        self.contents.count(channel.topic, channel.msgtype, channel.msgcount, *span)
        except _DAMAGED as error:
            raise VideoError(
                f"expected a bag of ROS, cannot read {path}: it is damaged, cut off, or none "
                f"({error})"
            ) from error

    def payloads(self, topic: str) -> Iterator[Payload]:
        """Yield a topic's pictures, in order of the time they were recorded at."""
        self.ended_early = False
        with self._reader() as reader:
            chosen = [channel for channel in reader.connections if channel.topic == topic]
            try:
                for channel, time_ns, raw in reader.messages(chosen):
                    yield _payload(reader, channel.msgtype, time_ns, raw)
            except _DAMAGED:
                self.ended_early = True

    def _reader(self) -> AnyReader:
        return AnyReader([self._path], default_typestore=get_typestore(Stores.LATEST))


def _payload(reader: AnyReader, kind: str, time_ns: int, raw: bytes) -> Payload:
    try:
        return payload_of(time_ns, reader.deserialize(raw, kind))
    except _DAMAGED as error:
        return Payload(time_ns, None, problem=f"a message is damaged ({error})")
