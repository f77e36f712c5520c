"""The mqtt sink against a real broker, where one is installed."""

import json
import shutil
import socket
import subprocess
import time

import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import OutputError
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

mqtt = pytest.importorskip("paho.mqtt.client", reason="needs the extra mqtt")
BROKER = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def broker(port):
    if BROKER is None:
        pytest.skip("needs mosquitto")
    running = subprocess.Popen(
        [BROKER, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port
    running.terminate()
    running.wait(20)


def test_each_frame_is_a_message(broker):
    got = []
    reader = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    reader.on_message = lambda _client, _data, message: got.append(json.loads(message.payload))
    reader.connect("127.0.0.1", broker)
    reader.subscribe("drive", qos=1)
    reader.loop_start()
    time.sleep(0.5)
    sink = default_registry().create("sink", "mqtt", address=f"127.0.0.1:{broker}", topic="drive")
    sink.open(StreamInfo("clip", CLASSES, (96, 160), 10.0), 0)
    for index in range(5):
        image = draw_frame(index, (96, 160))
        sink.write(Frame(image, index, index / 10), Tracks.untracked(find_boxes([image])[0]))
    assert sink.commit() == 5
    assert sink.close() == []
    give_up = time.monotonic() + 10
    while len(got) < 5 and time.monotonic() < give_up:
        time.sleep(0.05)
    reader.disconnect()
    reader.loop_stop()
    assert [message["frame"] for message in got] == [0, 1, 2, 3, 4]
    assert got[0]["stream"] == "clip"
    assert [o["name"] for o in got[0]["objects"]] == ["vehicle", "sign"]


def test_no_broker_is_told(port):
    sink = default_registry().create("sink", "mqtt", address=f"127.0.0.1:{port}")
    with pytest.raises(OutputError, match=str(port)):
        sink.open(StreamInfo("clip", CLASSES, (96, 160), 10.0), 0)
