"""The messages of a recording, copied into an MCAP of ROS 2 as time goes on (extra `mcap`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.writer import Writer

from drivemeta.core.mcap_file import MCAP_DAMAGED, mcap_messages, mcap_summary
from drivemeta.errors import InputError


@dataclass(frozen=True)
class Recorded:
    """One message of a recording, as it lies there.

    Attributes:
        topic: Topic.
        kind: Name of its type.
        form: What the definition is written in: `ros2msg` or `ros2idl`.
        definition: Definition of the type; empty if the recording has none.
        encoding: Encoding of the data; `cdr` is what ROS 2 plays.
        metadata: What the channel tells beside: the quality of service offered, the type's hash.
        logged_ns: Time at which it was recorded.
        published_ns: Time at which it was published.
        sequence: Its number among those of its publisher, 0 for none.
        data: The bytes.
    """

    topic: str
    kind: str
    form: str
    definition: bytes
    encoding: str
    metadata: tuple[tuple[str, str], ...]
    logged_ns: int
    published_ns: int
    sequence: int
    data: bytes


@dataclass(frozen=True)
class CopiedRecording:
    """A recording to copy.

    Attributes:
        messages: Its messages in order of time, each file after the one before.
        damaged: Errors that its reader raises where it is damaged or cut off.
        notes: What a copy of its messages lacks, a sentence each.
    """

    messages: Iterator[Recorded]
    damaged: tuple[type[Exception], ...]
    notes: tuple[str, ...]


def mcap_recording(files: Sequence[Path]) -> CopiedRecording:
    """Return the recording that MCAP files are."""
    notes = tuple(note for file in files for note in _beside_messages(file))
    return CopiedRecording(_messages(files), MCAP_DAMAGED, notes)


def _beside_messages(file: Path) -> Iterator[str]:
    """Yield what an MCAP file says that it holds beside its messages; ROS 2 writes `rosbag2`."""
    with file.open("rb") as stream:
        summary = mcap_summary(stream)
    if summary is None:
        return
    records = [index.name for index in summary.metadata_indexes if index.name != "rosbag2"]
    attached = [index.name for index in summary.attachment_indexes]
    for what, names in (("attachments", attached), ("metadata records", records)):
        if names:
            yield f"the {what} of {file.name} were not copied: {', '.join(names[:5])}"


def _messages(files: Sequence[Path]) -> Iterator[Recorded]:
    for file in files:
        with file.open("rb") as stream:
            for schema, channel, message in mcap_messages(stream):
                yield Recorded(
                    channel.topic,
                    schema.name if schema else "",
                    schema.encoding if schema else "",
                    schema.data if schema else b"",
                    channel.message_encoding,
                    tuple(sorted(channel.metadata.items())),
                    message.log_time,
                    message.publish_time,
                    message.sequence,
                    message.data,
                )


class RecordingCopy:
    """Writes messages of a recording into an MCAP, up to a time, and then the rest.

    Messages that ROS 2 cannot play (JSON, Protobuf, ROS 1), or whose definition is not known, are
    left out and counted.

    Args:
        recording: Recording to copy.
        writer: Writer of the MCAP.
        own_topics: Topics that the MCAP has of its own.
    """

    def __init__(
        self,
        recording: CopiedRecording,
        writer: Writer,
        own_topics: Sequence[str],
    ) -> None:
        self._recording, self._writer, self._own = recording, writer, set(own_topics)
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._channels: dict[tuple[Any, ...], int] = {}
        self._problem = ""
        self._waiting = self._read()

    def up_to(self, time_ns: int) -> None:
        """Copy what was recorded up to a time, in nanoseconds.

        Raises:
            InputError: the recording has a topic that is also ours.
        """
        while self._waiting is not None and self._waiting.logged_ns <= time_ns:
            self._copy(self._waiting)
            self._waiting = self._read()

    def rest(self) -> None:
        """Copy all that is left; see `up_to`."""
        while self._waiting is not None:
            self.up_to(self._waiting.logged_ns)

    def notes(self) -> list[str]:
        """Return what was lost, a sentence each."""
        told = [
            f"{n} messages of {topic} were not copied: {why}"
            for (topic, why), n in sorted(self._left_out.items())
        ]
        return [*self._recording.notes, *told, *([self._problem] if self._problem else [])]

    def _read(self) -> Recorded | None:
        try:
            return next(self._recording.messages, None)
        except self._recording.damaged as error:
            self._problem = (
                "the recording was copied up to where it is damaged or cut off "
                f"({str(error) or type(error).__name__})"
            )
            return None

    def _copy(self, message: Recorded) -> None:
        if why := _unplayable(message):
            self._left_out[message.topic, why] += 1
            return
        self._writer.add_message(
            self._channel(message),
            message.logged_ns,
            message.data,
            message.published_ns,
            message.sequence,
        )

    def _channel(self, message: Recorded) -> int:
        schema = (message.kind, message.form, message.definition)
        key = (message.topic, *schema, message.metadata)
        if key not in self._channels:
            if message.topic in self._own:
                raise InputError(
                    f"the recording has a topic {message.topic} already: name another by "
                    "--set rosbag2.topic=..."
                )
            if schema not in self._channels:
                self._channels[schema] = self._writer.register_schema(*schema)
            self._channels[key] = self._writer.register_channel(
                message.topic, message.encoding, self._channels[schema], dict(message.metadata)
            )
        return self._channels[key]


def _unplayable(message: Recorded) -> str:
    if message.encoding != "cdr":
        return f"they are encoded as {message.encoding!r}, which ROS 2 does not play"
    if not message.definition:
        return f"no definition of {message.kind or 'their type'} is known"
    return ""
