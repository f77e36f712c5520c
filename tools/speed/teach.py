"""Measure the page of `drivemeta teach`: start, scrubbing, from a click to the marks, memory.

    python -m tools.speed.teach
    python -m tools.speed.teach --clip drive.mp4 --page docs/benchmarks.md

Without `--clip`, a drive of 1080p is rendered, in which every second sign is of one class, and
repeated to two minutes. The server is a process of its own, which is asked as the page asks it: a
frame is shown and looked at before something in it is clicked. Meanwhile the page itself is open in
a browser, which asks for the same and draws it, on the same cores. The hour is the same clip,
repeated without encoding it again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from drivemeta.core.run import RunContext
from drivemeta.core.videos import ffmpeg_name
from drivemeta.demo.clip import write_clip
from drivemeta.demo.material import find_clip
from drivemeta.plugins.registry import default_registry
from tools.page_section import put_section
from tools.provenance import command, machine

SIGN, SIZE = "falling_rocks", (1080, 1920)
CHROMIUM = "/usr/bin/chromium"
MINUTES, HOUR_S = 2, 3600
N_SCRUBS, N_CLICKS = 40, 5


@dataclass(frozen=True)
class Server:
    """A running `drivemeta teach`.

    Attributes:
        url: Address of the page.
        process: Number of the process.
        begun: Time at which it was started.
    """

    url: str
    process: int
    begun: float

    def get(self, path: str) -> bytes:
        """Return what the server answers to an address."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=600) as answer:
            found: bytes = answer.read()
        return found

    def json(self, path: str) -> Any:
        """Return the values that the server answers."""
        return json.loads(self.get(path))

    def act(self, **action: Any) -> Any:
        """Do one action of a user."""
        revision = self.json("api/state?seen=0")["revision"]
        body = json.dumps({"revision": revision, "actions": [action]}).encode()
        request = urllib.request.Request(f"{self.url}api/act", body)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())

    def memory_mib(self) -> float:
        """Return the memory that the process holds, without pages of files that it only reads."""
        status = Path(f"/proc/{self.process}/status").read_text("ascii")
        return int(re.findall(r"RssAnon:\s+(\d+) kB", status)[0]) / 1024


@contextmanager
def serving(clip: Path, project: Path) -> Iterator[Server]:
    """Run the server over a clip."""
    words = [sys.executable, "-m", "drivemeta.cli.main", "teach", str(clip)]
    words += ["--project", str(project), "--port", "0", "--no-browser"]
    begun = time.perf_counter()
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        url = next(match[0] for line in lines if (match := re.search(r"http://\S+", line)))
        yield Server(url, process.pid, begun)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def repeat(source: Path, target: Path, seconds: float) -> Path:
    """Write a video that shows another one again and again, without encoding it anew."""
    with av.open(ffmpeg_name(target), "w") as out:
        stream, shift, written = None, 0, 0.0
        while written < seconds:
            with av.open(ffmpeg_name(source)) as video:
                track = video.streams.video[0]
                stream = stream or out.add_stream_from_template(track)
                end = 0
                for packet in video.demux(track):
                    if packet.pts is None or packet.dts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += end
                written = float(shift * (track.time_base or 0))
    return target


def render(folder: Path) -> Path:
    """Render ten seconds of a drive in 1080p."""
    options = {"context": RunContext(folder), "encoder": "h264", "name": "rendered.mp4"}
    sink = default_registry().create("sink", "mp4", **options)
    write_clip(find_clip(SIGN, 0, SIZE), 100, sink, lambda _: None)
    return folder / "rendered.mp4"


def measure(clip: Path, folder: Path) -> dict[str, str]:
    """Return what is measured, by what it is."""
    found: dict[str, str] = {}
    with serving(clip, folder / "short") as server:
        name = server.json("api/clips")["clips"][0]["name"]
        server.get(f"api/frame/{name}/0")
        found["start to first frame"] = f"{time.perf_counter() - server.begun:.1f} s"
        while (index := server.json("api/state?seen=0")["index"][name])["done"] < index["of"]:
            time.sleep(0.5)
        found |= scrubbed(server, name)
        with watched(server) as longest:
            found |= clicked(server, name)
            found |= longest()
    hour = repeat(clip, folder / "hour.mp4", HOUR_S)
    with serving(hour, folder / "hour") as server:
        server.get("api/frame/hour/0")
        found["start to first frame, a clip of an hour"] = (
            f"{time.perf_counter() - server.begun:.1f} s"
        )
        for frame in np.linspace(0, 30_000, 20).astype(int):
            server.get(f"api/frame/hour/{frame}")
        found["memory with a clip of an hour"] = f"{server.memory_mib():.0f} MiB"
    return found


def scrubbed(server: Server, clip: str) -> dict[str, str]:
    """Return how long the small picture and the full one take, anywhere in the clip."""
    n_frames = server.json("api/clips")["clips"][0]["frames"]
    near, exact, step = [], [], []
    for frame in np.random.default_rng(0).integers(0, n_frames - 1, N_SCRUBS).tolist():
        near.append(timed(server, f"api/frame/{clip}/{frame}?near=1&most=480"))
        exact.append(timed(server, f"api/frame/{clip}/{frame}"))
        step.append(timed(server, f"api/frame/{clip}/{frame + 1}"))
    return {
        "scrub to small picture": spread(near),
        "scrub to full picture": spread(exact),
        "step by one frame": spread(step),
    }


def clicked(server: Server, clip: str) -> dict[str, str]:
    """Return how long it takes from a click to the marks of its class, box after box."""
    marked, judged = [], []
    hits: list[dict[str, Any]] = []
    for number in range(N_CLICKS):
        hit = hits[0] if hits else best_sign(server, clip)
        server.get(f"api/frame/{clip}/{hit['frame']}")
        server.get(f"api/look/{clip}/{hit['frame']}")
        place = {"clip": clip, "frame": hit["frame"], "xyxy": hit["xyxy"], "name": SIGN}
        begun = time.perf_counter()
        before = state = server.act(do="add", **place)
        while state["hits_stamp"] == before["hits_stamp"] or is_learning(state):
            state = server.json(f"api/state?seen={state['stamp']}")  # as the page does: it waits
        hits = server.json(f"api/hits?class={urllib.parse.quote(SIGN)}")["hits"]
        marked.append(time.perf_counter() - begun)
        while state["learning"]["phase"] != "ready":
            state = server.json(f"api/state?seen={state['stamp']}")
        judged.append(time.perf_counter() - begun)
        hits = [h for h in hits if h["status"] == "open"]
        if not hits:
            raise SystemExit(f"box {number + 1}: nothing is left to accept in {clip}")
    return {
        "click to marked timeline, the last of five boxes": f"{marked[-1]:.1f} s",
        "click to report and threshold, the last of five boxes": f"{judged[-1]:.1f} s",
    }


def is_learning(state: dict[str, Any]) -> bool:
    """Return whether the rows of what was clicked are not there yet."""
    return state["learning"]["phase"] in ("waiting", "learning")


@contextmanager
def watched(server: Server) -> Iterator[Callable[[], dict[str, str]]]:
    """Open the page in Debian's chromium; give a function that tells how long it was frozen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(server.url)
        page.wait_for_function("() => document.getElementById('status').textContent")
        page.evaluate(
            "() => { window.longest = 0; new PerformanceObserver((list) => { for (const task of "
            "list.getEntries()) window.longest = Math.max(window.longest, task.duration); })"
            ".observe({ entryTypes: ['longtask'] }); }"
        )

        def longest() -> dict[str, str]:
            most = page.evaluate("window.longest")
            shown = f"{most:.0f} ms" if most else "less than 50 ms"
            return {"longest that the page was busy meanwhile": shown}

        yield longest
        browser.close()


def best_sign(server: Server, clip: str) -> dict[str, Any]:
    """Return the sign that the base proposes most surely in the first ten seconds."""
    found = [
        {"frame": frame, **each}
        for frame in range(0, 100, 5)
        for each in server.json(f"api/look/{clip}/{frame}")["proposals"]
        if each["name"] == "traffic_sign"
    ]
    return max(found, key=lambda each: float(each["score"]))


def timed(server: Server, path: str) -> float:
    """Return the milliseconds of one request."""
    begun = time.perf_counter()
    server.get(path)
    return 1000 * (time.perf_counter() - begun)


def spread(values: list[float]) -> str:
    """Return median and 95th percentile in milliseconds."""
    median, high = np.percentile(values, (50, 95))
    return f"{median:.0f} ms (95 %: {high:.0f})"


def main() -> None:
    """Measure, print, and write the section of the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clip", type=Path, help="video of ten seconds or more; else, rendered")
    parser.add_argument("--page", type=Path, help="Markdown page to put the section into")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = repeat(asked.clip or render(folder), folder / "clip.mp4", 60 * MINUTES)
        found = measure(clip, folder)
    lines = ["| what | measured |", "|---|---|", *(f"| {k} | {v} |" for k, v in found.items())]
    print("\n".join(lines))
    if asked.page:
        words = f"`{command()}`, {machine()}."
        put_section(asked.page, "\n".join(["## Teach", "", words, "", *lines, ""]))


if __name__ == "__main__":
    main()
