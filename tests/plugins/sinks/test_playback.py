"""The annotated video as others read it: ffprobe, and a browser, where these are installed."""

import http.server
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from html import unescape

import numpy as np
import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

SIZE, FPS, N = (180, 320), 25, 75
PROBE, FFMPEG = shutil.which("ffprobe"), shutil.which("ffmpeg")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# Chromium in Debian plays H.264; the page draws a frame and writes what it sees into its title.
PAGE = """<!doctype html><title>waiting</title><video id=v muted src="annotated.mp4"></video>
<script>
const v = document.getElementById("v");
v.onerror = () => document.title = JSON.stringify({error: v.error.code + " " + v.error.message});
v.onloadeddata = () => v.currentTime = 1;
v.onseeked = () => {
  const c = document.createElement("canvas");
  c.width = v.videoWidth; c.height = v.videoHeight;
  const g = c.getContext("2d");
  g.drawImage(v, 0, 0);
  const p = g.getImageData(0, 0, c.width, c.height).data;
  let sum = 0;
  for (let i = 0; i < p.length; i += 4) sum += p[i] + p[i + 1] + p[i + 2];
  document.title = JSON.stringify({duration: v.duration, width: v.videoWidth,
    height: v.videoHeight, mean: sum / (p.length / 4 * 3)});
};
</script>"""


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    sink = default_registry().create("sink", "mp4", context=RunContext(folder), segment_s=1.0)
    sink.open(StreamInfo("clip", CLASSES, SIZE, FPS), 0)
    for i in range(N):
        image = draw_frame(i, SIZE)
        found = find_boxes([image])[0]
        sink.write(Frame(image, i, i / FPS), Tracks(found, np.arange(len(found))))
    return sink.close()[0]


@pytest.mark.skipif(PROBE is None, reason="needs ffprobe")
def test_ffprobe_finds_every_frame_and_nothing_to_complain_of(video):
    words = [
        PROBE,
        "-v",
        "warning",
        "-count_frames",
        "-show_streams",
        "-show_format",
        "-of",
        "json",
    ]
    done = subprocess.run([*words, video], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    (stream,) = told["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["height"], stream["width"]) == SIZE
    assert stream["avg_frame_rate"] == "25/1"
    assert int(stream["nb_read_frames"]) == int(stream["nb_frames"]) == N
    assert float(told["format"]["duration"]) == pytest.approx(N / FPS, abs=1 / FPS)


@pytest.mark.skipif(FFMPEG is None, reason="needs ffmpeg")
def test_ffmpeg_decodes_it_without_a_word(video):
    words = [FFMPEG, "-v", "warning", "-xerror", "-i", video, "-f", "null", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_plays_it(video):
    (video.parent / "page.html").write_text(PAGE)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=video.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        words += ["--autoplay-policy=no-user-gesture-required", "--virtual-time-budget=20000"]
        words += [f"--user-data-dir={video.parent / 'profile'}"]
        words += [f"http://127.0.0.1:{server.server_port}/page.html"]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        server.shutdown()
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title, done.stdout
    seen = json.loads(unescape(title[1]))
    assert seen["duration"] == pytest.approx(N / FPS, abs=1 / FPS)
    assert (seen["height"], seen["width"]) == SIZE
    assert 60 < seen["mean"] < 200
