"""A recording for Foxglove: pictures, and outlines with captions to lay over them."""

from __future__ import annotations

import json

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.sink.foxglove import SCHEMAS, TOPICS, frame_messages
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.mcap_sink import McapSink
from drivemeta.plugins.sink.privacy import Privacy


class Mcap(McapSink):
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
        super().__init__(context.folder / name)
        self._quality, self._privacy = quality, Privacy(blur)
        self._channels: dict[str, int] = {}

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        writer = self.begin()
        for topic, name in TOPICS.items():
            schema = json.dumps(SCHEMAS[name]).encode()
            number = writer.register_schema(name, "jsonschema", schema)
            self._channels[topic] = writer.register_channel(topic, "json", number)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the picture and its annotations."""
        image = self._privacy.hidden(frame.image, tracks.detections)
        messages = frame_messages(frame, tracks, encoded_jpeg(image, self._quality))
        for topic, message in messages.items():
            data = json.dumps(message, ensure_ascii=False).encode()
            self.add(self._channels[topic], data, round(frame.time_s * 1e9), frame.index)
