"""A live stream over HTTP: it breaks off and is connected to again; a slow pipeline drops."""

import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise

import pytest

from drivemeta.core import Detections
from drivemeta.errors import VideoError
from drivemeta.plugins import default_registry
from drivemeta.video.opening import open_source
from drivemeta.video.pipeline import Pipeline


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
