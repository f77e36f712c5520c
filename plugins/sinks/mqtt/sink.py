"""Results to an MQTT broker, at least once each."""

from __future__ import annotations

import json
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.sink.records import frame_record

TIMEOUT_S = 10.0
WINDOW = 1000  # messages that may wait for the broker's word before the next is sent


class Mqtt:
    """Publishes one JSON message a frame, with the record of the jsonl sink and `stream`.

    Quality of service 1: after a kill, frames since the last commit come twice; `stream` and
    `frame` tell them apart.

    Args:
        address: Address of the broker, `HOST` or `HOST:PORT`.
        topic: Topic to publish to.
        user: User name, if the broker wants one.
        password: Password of that user.

    Raises:
        InputError: the address is none.
    """

    def __init__(
        self,
        address: str = "localhost:1883",
        topic: str = "drivemeta/frames",
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        host, _, port = address.partition(":")
        if not host or (port and not port.isdigit()):
            raise InputError(f"mqtt address: expected HOST or HOST:PORT, found {address!r}")
        self._host, self._port, self._topic = host, int(port or 1883), topic
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._waiting: list[mqtt.MQTTMessageInfo] = []
        self._next, self._name, self._open = 0, "", False

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Connect to the broker."""
        self._name, self._next = info.name, resume_at
        try:
            self._client.connect(self._host, self._port)
        except OSError as error:
            raise OutputError(
                f"cannot reach an MQTT broker at {self._host}:{self._port}: {error}"
            ) from error
        self._client.loop_start()
        self._open = True

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Publish one frame."""
        record = {"stream": self._name, **frame_record(frame, tracks)}
        message = json.dumps(record, ensure_ascii=False)
        self._waiting.append(self._client.publish(self._topic, message, qos=1))
        self._next = frame.index + 1
        if len(self._waiting) >= WINDOW:
            self._settle()

    def commit(self) -> int:
        """Wait until the broker has all; return the next frame."""
        if self._open:
            self._settle()
        return self._next

    def close(self) -> list[Path]:
        """Wait until the broker has all, and disconnect."""
        if self._open:
            self._settle()
            self.abort()
        return []

    def abort(self) -> None:
        """Disconnect."""
        if self._open:
            self._client.disconnect()
            self._client.loop_stop()
        self._open = False

    def _settle(self) -> None:
        for message in self._waiting:
            try:
                message.wait_for_publish(TIMEOUT_S)
            except (RuntimeError, ValueError) as error:
                raise OutputError(f"the MQTT broker took no message: {error}") from error
            if not message.is_published():
                raise OutputError(
                    f"the MQTT broker at {self._host}:{self._port} did not answer for {TIMEOUT_S} s"
                )
        self._waiting.clear()
