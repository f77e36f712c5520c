"""A live view: a server that Foxglove connects to while the run lasts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from foxglove import Channel, Context, Schema, start_server

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.sink.foxglove import SCHEMAS, TOPICS, frame_messages
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.privacy import Privacy

BACKLOG = 64  # messages that wait for a slow viewer; the oldest give way


class Foxglove:
    """Serves `/camera/image` and `/camera/annotations` at `ws://localhost:8765`, as JSON.

    Foxglove sees the frames that pass while it is connected, as fast as they are processed; nobody
    is waited for, and where nobody looks no picture is encoded. No file is written.

    Args:
        address: Address to listen on, `HOST:PORT`; by default for programs of this machine alone.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.

    Raises:
        InputError: the address is none.
    """

    def __init__(self, address: str = "127.0.0.1:8765", quality: int = 85, blur: str = "") -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise InputError(f"foxglove address: expected HOST:PORT, found {address!r}")
        self._host, self._port = host.strip("[]"), int(port)
        self._quality, self._privacy = quality, Privacy(blur)
        self._context: Any = None
        self._server: Any = None
        self._channels: dict[str, Any] = {}
        self._next = 0

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin to serve."""
        self._next = resume_at
        self._context = Context()  # kept: channels go with it
        for topic, name in TOPICS.items():
            data = json.dumps(SCHEMAS[name]).encode()
            schema = Schema(name=name, encoding="jsonschema", data=data)
            self._channels[topic] = Channel(
                topic, schema=schema, message_encoding="json", context=self._context
            )
        try:
            self._server = start_server(
                name=info.name,
                host=self._host,
                port=self._port,
                context=self._context,
                message_backlog_size=BACKLOG,
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise OutputError(
                f"cannot serve Foxglove at {self._host}:{self._port}: {error}; name another "
                "port by --set foxglove.address=HOST:PORT"
            ) from error

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Send one frame to whoever looks."""
        self._next = frame.index + 1
        if not any(channel.has_sinks() for channel in self._channels.values()):
            return
        image = self._privacy.hidden(frame.image, tracks.detections)
        messages = frame_messages(frame, tracks, encoded_jpeg(image, self._quality))
        for topic, message in messages.items():
            self._channels[topic].log(message, log_time=round(frame.time_s * 1e9))

    def commit(self) -> int:
        """Return the next frame: what was seen is not shown again."""
        return self._next

    def close(self) -> list[Path]:
        """End the view."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        return []

    def abort(self) -> None:
        """End the view."""
        self.close()
