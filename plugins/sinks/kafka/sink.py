"""Results to a Kafka topic, at least once each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import OutputError
from drivemeta.plugins.sink.records import frame_record

TIMEOUT_S = 10.0


class Kafka:
    """Sends one JSON message a frame, with the record of the jsonl sink and `stream`.

    The key is the stream's name, so that a stream's frames stay in order in one partition. The
    brokers acknowledge each message; after a kill, frames since the last commit come twice, and
    `stream` and `frame` tell them apart.

    Args:
        address: Address of the brokers, `HOST:PORT`, several joined by commas.
        topic: Topic to send to.
        user: Name for SASL, if the brokers want one.
        password: Password of that user.
        mechanism: Mechanism of SASL, as librdkafka calls it.
        encrypted: Whether to connect by TLS.
    """

    def __init__(
        self,
        address: str = "localhost:9092",
        topic: str = "drivemeta-frames",
        *,
        user: str | None = None,
        password: str | None = None,
        mechanism: str = "PLAIN",
        encrypted: bool = False,
    ) -> None:
        self._address, self._topic = address, topic
        security = ("SASL_" if user is not None else "") + ("SSL" if encrypted else "PLAINTEXT")
        self._config: dict[str, Any] = {
            "bootstrap.servers": address,
            "security.protocol": security,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": int(TIMEOUT_S * 1000),
            "log_level": 0,
        }
        if user is not None:
            login = {"username": user, "password": password or "", "mechanism": mechanism}
            self._config |= {f"sasl.{key}": value for key, value in login.items()}
        self._producer: Any = None
        self._problem: str | None = None
        self._next, self._name = 0, ""

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Connect to the brokers."""
        self._name, self._next = info.name, resume_at
        try:
            self._producer = Producer(self._config)
            self._producer.list_topics(timeout=TIMEOUT_S)
        except KafkaException as error:
            self._producer = None
            raise OutputError(f"cannot reach a Kafka broker at {self._address}: {error}") from error

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Send one frame; waits where the client's buffer is full."""
        record = {"stream": self._name, **frame_record(frame, tracks)}
        message = json.dumps(record, ensure_ascii=False).encode()
        while True:
            try:
                self._producer.produce(
                    self._topic, message, self._name.encode(), on_delivery=self._delivered
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)
        self._next = frame.index + 1
        self._check()

    def commit(self) -> int:
        """Wait until the brokers have all; return the next frame."""
        if self._producer is not None:
            self._settle()
        return self._next

    def close(self) -> list[Path]:
        """Wait until the brokers have all."""
        if self._producer is not None:
            self._settle()
            self._producer = None
        return []

    def abort(self) -> None:
        """Drop what was not sent yet."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _settle(self) -> None:
        left = self._producer.flush(2 * TIMEOUT_S)
        self._check()
        if left:
            raise OutputError(f"the Kafka brokers at {self._address} did not take {left} messages")

    def _delivered(self, problem: Any, _message: Any) -> None:
        if problem is not None:
            self._problem = str(problem)

    def _check(self) -> None:
        if self._problem is not None:
            raise OutputError(
                f"the Kafka brokers at {self._address} took no message: {self._problem}"
            )
