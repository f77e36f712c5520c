"""MCAP files, and bags of ROS 2 that are made of them (extra `mcap`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from mcap_protobuf.decoder import DecoderFactory as Protobuf

from drivemeta.core.mcap_file import MCAP_DAMAGED, mcap_messages, mcap_summary
from drivemeta.errors import VideoError
from drivemeta.plugins.source.recordings.ros_messages import UNREADABLE, RosMessages
from drivemeta.plugins.source.recordings.topics import Contents, Payload, payload_of

_DAMAGED = (*MCAP_DAMAGED, *UNREADABLE, DecodeError)  # and what decoding a message raises
Decode = Callable[[bytes], Any]


class McapRecording:
    """Messages as JSON, Protobuf, CDR or of ROS 1; a file that is cut off as far as it goes.

    Args:
        files: Files in the order they were recorded in.

    Raises:
        VideoError: one is no MCAP file.
    """

    def __init__(self, files: list[Path]) -> None:
        self._files, self.contents, self.ended_early = files, Contents(), False
        for file in files:
            _survey(file, self.contents)

    def payloads(self, topic: str) -> Iterator[Payload]:
        """Yield a topic's pictures, in order of the time they were recorded at."""
        self.ended_early = False
        decoders: dict[Any, Decode | str] = {}
        for file in self._files:
            with file.open("rb") as stream:
                try:
                    for schema, channel, message in mcap_messages(stream, [topic]):
                        key = (file, channel.id)
                        if key not in decoders:
                            decoders[key] = _decoder(schema, channel)
                        yield _payload(message, decoders[key])
                except _DAMAGED:
                    self.ended_early = True


def _survey(file: Path, contents: Contents) -> None:
    """Count the messages of each topic of a file, by its index or else by reading all of it."""
    with file.open("rb") as stream:
        summary = mcap_summary(stream)
        if summary is not None and summary.statistics is not None:
            told = summary.statistics
            for number, channel in summary.channels.items():
                schema = summary.schemas.get(channel.schema_id)
                n = told.channel_message_counts.get(number, 0)
                if schema is not None and n:
                    span = (told.message_start_time, told.message_end_time)
                    contents.count(channel.topic, schema.name, n, *span)
            return
        stream.seek(0)
        try:
            for schema, channel, message in mcap_messages(stream):
                if schema is not None:
                    time_ns = message.log_time
                    contents.count(channel.topic, schema.name, 1, time_ns, time_ns)
        except _DAMAGED as error:
            if not contents.pictures:
                raise VideoError(
                    f"expected an MCAP recording, cannot read {file}: it is damaged, cut off, or "
                    f"none ({error})"
                ) from error


def _decoder(schema: Any, channel: Any) -> Decode | str:
    """Return what reads the messages of a channel, or why nothing does."""
    encoding = channel.message_encoding
    try:
        if encoding == "json":
            return _from_json
        if encoding == "protobuf":
            return Protobuf().decoder_for(encoding, schema) or f"no definition of {schema.name}"
        if encoding in ("cdr", "ros1"):
            return RosMessages(encoding, schema.name, schema.encoding, schema.data).decode
    except VideoError as error:
        return str(error)
    except _DAMAGED as error:
        return f"no usable definition of {schema.name} ({error})"
    return f"messages are encoded as {encoding!r}, not as json, protobuf, cdr or ros1"


def _from_json(data: bytes) -> Any:
    said = json.loads(data)
    header = SimpleNamespace(**stamp) if isinstance(stamp := said.get("timestamp"), dict) else None
    data = base64.b64decode(said["data"])
    return SimpleNamespace(**{"format": "", **said, "data": data, "timestamp": header})


def _payload(message: Any, decode: Decode | str) -> Payload:
    time_ns = message.log_time
    if isinstance(decode, str):
        return Payload(time_ns, None, problem=decode)
    try:
        return payload_of(time_ns, decode(message.data))
    except _DAMAGED as error:
        return Payload(time_ns, None, problem=f"a message is damaged ({error})")
