"""The foxglove sink, read by a client of its own over a real WebSocket."""

import base64
import json
import socket
import struct
import threading

import cv2
import numpy as np
import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins import default_registry
from drivemeta.video.job import Job
from drivemeta.video.options import Options
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

pytest.importorskip("foxglove", reason="needs the extra foxglove")
client = pytest.importorskip("websockets.sync.client", reason="needs websockets")
SIZE = (96, 160)
MESSAGE = struct.Struct("<BIQ")  # what it is, subscription, time in nanoseconds
TOPICS = ("/camera/image", "/camera/annotations")


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def subscribed(connection):
    """Subscribe to all topics; return the topic of each subscription."""
    channels = {}
    while len(channels) < len(TOPICS):
        said = json.loads(connection.recv(10))
        for channel in said.get("channels", ()):
            channels[channel["id"]] = channel
    wanted = [{"id": number, "channelId": number} for number in channels]
    connection.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))
    return channels


def received(connection, channels, n):
    """Return the first messages of each topic, with their times."""
    found = {topic: [] for topic in TOPICS}
    while min(map(len, found.values())) < n:
        data = connection.recv(20)
        if isinstance(data, bytes) and data[0] == 1:
            _, number, time_ns = MESSAGE.unpack_from(data)
            message = json.loads(data[MESSAGE.size :])
            found[channels[number]["topic"]].append((time_ns, message))
    return found


def connected(port):
    return client.connect(
        f"ws://127.0.0.1:{port}", subprotocols=["foxglove.sdk.v1"], max_size=None, open_timeout=10
    )


def created(port):
    sink = default_registry().create("sink", "foxglove", address=f"127.0.0.1:{port}")
    sink.open(StreamInfo("clip", CLASSES, SIZE, 10.0, 3), 0)
    return sink


def test_a_viewer_gets_pictures_and_boxes(port):
    sink, gone = created(port), threading.Event()

    def write():
        index = 0
        while not gone.wait(0.02):
            found = find_boxes([draw_frame(1, SIZE)])[0]
            tracks = Tracks(found, np.array([7, -1]))
            sink.write(Frame(draw_frame(1, SIZE), index, index / 10), tracks)
            index += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        with connected(port) as connection:
            channels = subscribed(connection)
            found = received(connection, channels, 2)
    finally:
        gone.set()
        writing.join()
    kinds = {channel["topic"]: channel["schemaName"] for channel in channels.values()}
    assert kinds == {
        "/camera/image": "foxglove.CompressedImage",
        "/camera/annotations": "foxglove.ImageAnnotations",
    }
    (time_ns, picture), (later_ns, _) = found["/camera/image"][:2]
    assert later_ns - time_ns == 100_000_000
    assert time_ns == picture["timestamp"]["sec"] * 10**9 + picture["timestamp"]["nsec"]
    data = np.frombuffer(base64.b64decode(picture["data"]), np.uint8)
    shown = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - draw_frame(1, SIZE)).mean() < 6
    drawn = found["/camera/annotations"][0][1]
    assert [text["text"] for text in drawn["texts"]] == ["vehicle 0.90 #7", "sign 0.90"]
    x1, y1, x2, y2 = find_boxes([draw_frame(1, SIZE)])[0].boxes[0]
    corners = [{"x": x, "y": y} for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
    assert drawn["points"][0]["points"] == corners
    assert sink.close() == sink.close() == []
    with pytest.raises(OSError, match="refused"):
        connected(port)


def test_where_nobody_looks_no_picture_is_encoded(port, monkeypatch):
    import sys

    sink = created(port)
    module = sys.modules[type(sink).__module__]
    monkeypatch.setattr(module, "encoded_jpeg", lambda *_: pytest.fail("nobody looks"))
    sink.write(
        Frame(draw_frame(0, SIZE), 4), Tracks.untracked(find_boxes([draw_frame(0, SIZE)])[0])
    )
    assert sink.commit() == 5
    sink.abort()
    sink.abort()


def test_a_port_that_is_taken_and_what_is_no_address_are_told(port):
    sink = created(port)
    with pytest.raises(
        OutputError, match=f"cannot serve Foxglove at 127.0.0.1:{port}.*another port"
    ):
        created(port)
    sink.close()
    for address in ("localhost", "127.0.0.1:0", ":8765", "host:port"):
        with pytest.raises(InputError, match="expected HOST:PORT"):
            default_registry().create("sink", "foxglove", address=address)


def test_a_run_is_watched_while_it_lasts(port, tiny_model, tmp_path):
    """The source is endless; the viewer has seen enough when it has five frames."""
    options = Options(
        provider="cpu",
        settings={
            "foxglove": {"address": f"127.0.0.1:{port}"},
            "synthetic": {"height": "96", "width": "160", "n_frames": "4000"},
        },
    )
    job = Job("synthetic:3", tmp_path / "run", tiny_model, ("foxglove",), options)
    seen, failed = {}, []

    class EnoughError(Exception):
        pass

    def look():
        try:
            with connected(port) as connection:
                seen.update(received(connection, subscribed(connection), 5))
        except Exception as error:  # noqa: BLE001  (told by the thread of the test)
            failed.append(error)

    watching = threading.Thread(target=look)

    def advance(summary, total):
        if summary.frames == 1:
            watching.start()
        if summary.frames > 1 and not watching.is_alive():
            raise EnoughError

    with pytest.raises(EnoughError):
        job.run(advance)
    assert not failed
    times = [time_ns for time_ns, _ in seen["/camera/image"]]
    assert times == sorted(set(times))
