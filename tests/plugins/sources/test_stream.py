"""A live stream over HTTP: it breaks off and is connected to again; a slow pipeline drops."""

import socket
import sys
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise

import av
import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.errors import VideoError
from drivemeta.plugins import default_registry
from drivemeta.video.opening import open_source
from drivemeta.video.pipeline import Pipeline
from tests.helpers.videos import draw_frame


@pytest.fixture
def serve(write_video):
    """Serve a clip of ten frames as a stream that ends after it; count the visits."""
    data = write_video(range(0, 400, 40), name="clip.ts").read_bytes()
    visits = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            visits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, visits
    server.shutdown()
    server.server_close()
    thread.join()


def address(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/clip.ts"


def test_a_stream_that_breaks_off_is_connected_to_again(serve):
    server, visits = serve
    source = default_registry().create("source", "stream", address=address(server), pause_s=0.01)
    with closing(source):
        frames = list(islice(source, 25))
    assert [frame.index for frame in frames] == list(range(25))
    assert all(a.time_s < b.time_s for a, b in pairwise(frames))
    assert source.counts().n_reconnects == len(visits) - 1 >= 2


def test_it_gives_up_after_as_many_attempts_as_told(serve):
    server, _ = serve
    source = default_registry().create(
        "source", "stream", address=address(server), pause_s=0.01, retries=1
    )
    frames = iter(source)
    next(frames)
    server.shutdown()
    server.server_close()
    with pytest.raises(VideoError, match="2 attempts"):
        list(frames)
    source.close()


def test_an_address_is_opened_as_a_stream_and_nobody_there_is_told(serve):
    server, _ = serve
    with closing(open_source(address(server))) as source:
        assert source.info().live
    with pytest.raises(VideoError, match="cannot read"):
        open_source("http://127.0.0.1:9/clip.ts")


@pytest.mark.parametrize(("name", "tells_its_length"), [("clip.mp4", False), ("clip.ts", True)])
def test_a_file_on_a_web_server_is_no_live_stream(write_video, name, tells_its_length):
    """It would be connected to again at its end, and its frames come twice."""
    data = write_video(range(0, 400, 40), name=name).read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if tells_its_length:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        place = f"http://127.0.0.1:{server.server_address[1]}/{name}"
        with pytest.raises(VideoError, match=r"found a file at .*: download it"):
            open_source(place)
        server.shutdown()
        thread.join()


def test_a_slow_network_gets_the_newest_frames_and_the_others_are_counted(serve):
    server, _ = serve

    def slow(images):
        threading.Event().wait(0.1)
        return [Detections.empty(()) for _ in images]

    registry = default_registry()
    tracker, scheduler = registry.create("tracker", "none"), registry.create("scheduler", "fixed")
    pipeline = Pipeline(slow, tracker, scheduler)
    source = registry.create("source", "stream", address=address(server), pause_s=0.01)
    with closing(pipeline.run(source)) as results:
        indices = [frame.index for frame, _ in islice(results, 12)]
    assert indices == sorted(set(indices))
    assert pipeline.clock.dropped > 0
    assert indices[-1] - len(indices) + 1 <= pipeline.clock.dropped


class Live:
    """Sends the frames of a damaged stream to whoever connects, 50 a second.

    Attributes:
        n_sent: Number of frames sent.
    """

    def __init__(self, units):
        self.n_sent, self._units = 0, units
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self):
        connection, _ = self._server.accept()
        begun = time.monotonic()
        with connection, suppress(OSError):
            for number, unit in enumerate(self._units):
                time.sleep(max(0.0, begun + number / 50 - time.monotonic()))
                connection.sendall(unit)
                self.n_sent = number + 1

    def close(self):
        self._server.close()
        self._thread.join()


def damaged_units(tmp_path, n_frames):
    """Return the bytes of each frame of a transport stream, some of them wrong."""
    path, ends, chance = tmp_path / "live.ts", [0], np.random.default_rng(3)
    options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
    with av.open(str(path), "w", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("libx264", rate=50, options=options)
        stream.height, stream.width, stream.pix_fmt = 96, 160, "yuv420p"
        for index in range(n_frames):
            image = av.VideoFrame.from_ndarray(draw_frame(index % 50, (96, 160)), format="bgr24")
            container.mux(stream.encode(image))
            ends.append(path.stat().st_size)
    data = bytearray(path.read_bytes())
    for place in chance.integers(ends[n_frames // 3], len(data), n_frames):
        data[place] ^= 255
    return [bytes(data[a:b]) for a, b in pairwise(ends)]


def test_a_stream_that_comes_faster_than_it_is_decoded_stays_near_the_present(
    tmp_path, monkeypatch
):
    live = Live(damaged_units(tmp_path, 125))
    settings = {"stream": {"retries": 0, "pause_s": 0.01, "behind_s": 0.3}}
    source = open_source(live.address, settings=settings)
    module, behind, first = sys.modules[type(source).__module__], [], None
    whole = module.upright

    def slow(decoded):
        time.sleep(0.08)
        return whole(decoded)

    monkeypatch.setattr(module, "upright", slow)
    with closing(source), closing(live):
        for frame in source:
            if live.n_sent == 125:
                break
            if frame.pts is not None:
                first = frame.pts if first is None else first
                behind.append(live.n_sent - round((frame.pts - first) / 1800))
    assert len(behind) > 5
    assert np.median(behind[-5:]) < 45  # of the 90 that come more than are decoded
    assert "came faster than they could be decoded" in source.counts().notes[0]
