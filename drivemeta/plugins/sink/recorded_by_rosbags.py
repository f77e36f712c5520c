"""The messages of a ROS 2 bag in SQLite, or compressed as a whole, by `rosbags` (extra `ros`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.typesys import Stores, TypesysError, get_typestore

from drivemeta.plugins.sink.recorded import CopiedRecording, Recorded

_DAMAGED = (ReaderError, apsw.Error, OSError, EOFError, ValueError, LookupError)
_FORMS = {MessageDefinitionFormat.MSG: "ros2msg", MessageDefinitionFormat.IDL: "ros2idl"}


def rosbags_recording(path: Path) -> CopiedRecording:
    """Return the recording that a bag is.

    A type without a definition in the bag, as before Iron, has that of the latest ROS 2, if any.

    Args:
        path: Folder of the bag, or its `.db3` file.
    """
    note = "the quality of service that its topics were offered with is not in the copy"
    return CopiedRecording(_messages(path), _DAMAGED, (note,))


def _messages(path: Path) -> Iterator[Recorded]:
    with Reader(path) as reader:
        known = {channel.id: _definition(channel) for channel in reader.connections}
        for channel, time_ns, data in reader.messages():
            form, text = known[channel.id]
            yield Recorded(
                channel.topic,
                channel.msgtype,
                form,
                text,
                "cdr",
                (("topic_type_hash", channel.digest),) if channel.digest else (),
                time_ns,
                time_ns,
                0,
                bytes(data),
            )


def _definition(channel: Any) -> tuple[str, bytes]:
    if channel.msgdef.format in _FORMS:
        return _FORMS[channel.msgdef.format], channel.msgdef.data.encode()
    try:
        text = get_typestore(Stores.LATEST).generate_msgdef(channel.msgtype, ros_version=2)[0]
    except TypesysError:
        return "", b""
    return "ros2msg", text.encode()
