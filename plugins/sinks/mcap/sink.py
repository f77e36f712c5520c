"""A recording for Foxglove: pictures, and outlines with captions to lay over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from mcap.exceptions import McapError
from mcap.writer import Writer

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.sink.foxglove import SCHEMAS, TOPICS, frame_messages
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.privacy import Privacy
from drivemeta.plugins.sink.whole_file import WholeFile


class Mcap:
    """Writes `drive.mcap` with the topics `/camera/image` and `/camera/annotations`.

    Messages are JSON and carry the frame's time. After a kill the recording is made again.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.
    """

    def __init__(
        self, context: RunContext, name: str = "drive.mcap", quality: int = 85, blur: str = ""
    ) -> None:
        self._target, self._quality = WholeFile(context.folder / name), quality
        self._privacy = Privacy(blur)
        self._file: IO[bytes] | None = None
        self._writer: Any = None
        self._channels: dict[str, int] = {}

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        self._target.begin()
        self._file = self._target.part.open("wb")
        self._writer = Writer(self._file)
        self._writer.start(profile="", library="drivemeta")
        for topic, name in TOPICS.items():
            schema = json.dumps(SCHEMAS[name]).encode()
            number = self._writer.register_schema(name, "jsonschema", schema)
            self._channels[topic] = self._writer.register_channel(topic, "json", number)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the picture and its annotations."""
        image = self._privacy.hidden(frame.image, tracks.detections)
        messages = frame_messages(frame, tracks, encoded_jpeg(image, self._quality))
        for topic, message in messages.items():
            self._add(topic, frame, message)

    def commit(self) -> int:
        """Return 0: the index comes last, so an unfinished recording is made again."""
        return 0

    def close(self) -> list[Path]:
        """Write the index and give the file its final name."""
        if self._file is not None:
            try:
                self._writer.finish()
                self._file.close()
            except (OSError, McapError) as error:
                raise self._target.error(error) from error
            self._target.finish()
            self._file = None
        return [self._target.path]

    def abort(self) -> None:
        """Throw the recording away."""
        if self._file is not None:
            self._file.close()
            self._target.discard()
        self._file = None

    def _add(self, topic: str, frame: Frame, message: dict[str, Any]) -> None:
        time_ns = round(frame.time_s * 1e9)
        data = json.dumps(message, ensure_ascii=False).encode()
        try:
            self._writer.add_message(
                self._channels[topic], time_ns, data, time_ns, sequence=frame.index
            )
        except (OSError, McapError) as error:
            raise self._target.error(error) from error
