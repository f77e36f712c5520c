"""The kafka sink against brokers: librdkafka's own, and a real one named by DRIVEMETA_KAFKA."""

import json
import os
import uuid

import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import OutputError
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

kafka = pytest.importorskip("confluent_kafka", reason="needs the extra kafka")
INFO = StreamInfo("clip", CLASSES, (120, 160), 10.0, 20)


@pytest.fixture(params=["own", "real"])
def broker(request):
    """Give an address; the client library brings a broker that speaks the protocol over TCP."""
    if request.param == "real":
        if "DRIVEMETA_KAFKA" not in os.environ:
            pytest.skip("DRIVEMETA_KAFKA names no broker")
        yield os.environ["DRIVEMETA_KAFKA"]
        return
    cluster = kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused"})
    (found,) = cluster.list_topics(timeout=10).brokers.values()
    yield f"{found.host}:{found.port}"
    del cluster


def received(broker: str, topic: str, n: int) -> list[tuple[bytes, dict]]:
    consumer = kafka.Consumer(
        {"bootstrap.servers": broker, "group.id": "test", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    messages = []
    for _ in range(300):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            messages.append((message.key(), json.loads(message.value())))
        if len(messages) == n:
            break
    consumer.close()
    return messages


def test_each_frame_comes_once_and_in_order(broker):
    topic = f"frames-{uuid.uuid4().hex[:8]}"
    sink = default_registry().create("sink", "kafka", address=broker, topic=topic)
    sink.open(INFO, 0)
    for index in range(20):
        image = draw_frame(index, (120, 160))
        tracks = Tracks.untracked(find_boxes([image])[0])
        sink.write(Frame(image, index, index / 10), tracks)
        if index == 9:
            assert sink.commit() == 10
    assert sink.close() == sink.close() == []
    messages = received(broker, topic, 20)
    assert [message["frame"] for _, message in messages] == list(range(20))
    assert {key for key, _ in messages} == {b"clip"}
    assert [found["name"] for found in messages[0][1]["objects"]] == list(CLASSES)


def test_a_broker_that_is_not_there_is_told(monkeypatch):
    sink = default_registry().create("sink", "kafka", address="127.0.0.1:9")
    monkeypatch.setitem(type(sink).open.__globals__, "TIMEOUT_S", 0.3)
    with pytest.raises(OutputError, match=r"127\.0\.0\.1:9"):
        sink.open(INFO, 0)
    sink.abort()
