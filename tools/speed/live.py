"""A camera that is live for long and misbehaves: memory, age of what is seen, truth of the counts.

    python -m tools.speed.live --minutes 60
    python -m tools.speed.live --minutes 10 --slow-ms 150

`tools.speed.rtsp_server` serves H.264 and H.265 in turns, in several sizes, and stalls, breaks off,
sends damaged packets and rubbish; every half minute it is gone for some seconds. A line a minute
says how the run is, and at the end what of it was not as it should be, with exit code 1.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from drivemeta.video.api import run
from drivemeta.video.builder import build_pipeline, run_context
from drivemeta.video.metrics import Metrics, served
from drivemeta.video.opening import detector_for, open_source
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline
from drivemeta.video.summary import RunSummary
from tools.provenance import machine
from tools.speed.rtsp_server import N_BITS, Act, Camera, number_of

ACTS = (
    Act("h264", (384, 640), 250),
    Act("hevc", (288, 512), 150, "stall"),
    Act("h264", (384, 640), 150, "garbage", damage=0.02),
    Act("h264", (480, 640), 200),
    Act("hevc", (384, 640), 100, "garbage"),
)
# FFmpeg looks at a stream for up to 5 s before it gives the first picture; then packets may wait
# for a second, and eight frames for the network.
MOST_AGE_S, MOST_GROWTH = 7.0, 1.05
LEAST_SAMPLES = 240  # seconds; before, caches and the first of each size and codec come to be


@dataclass
class Soak:
    """How a run went.

    Attributes:
        ages_s: Seconds between the sending of each picture and its result.
        n_seen: Pictures that came to the sink.
        sizes: Sizes that were seen.
        resident_mb: Memory of the process, sampled once a second.
        differences: Metrics that were not what the summary said at that moment.
        summary: Summary of the run.
    """

    ages_s: list[float] = field(default_factory=list)
    n_seen: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    resident_mb: list[float] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    summary: RunSummary = field(default_factory=RunSummary)


class _Watch:
    """A sink that notes how old each picture is when its result is there."""

    def __init__(self, camera: Camera, soak: Soak) -> None:
        self._camera, self._soak, self._last = camera, soak, 0

    def open(self, info: StreamInfo, resume_at: int) -> None:
        pass

    def write(self, frame: Frame, tracks: Tracks) -> None:  # noqa: ARG002
        number = number_of(frame.image)
        sent_s = self._camera.sent_s.get(number)
        is_next = 0 < (number - self._last) % (1 << N_BITS) < 1 << (N_BITS - 1)
        if sent_s is not None and is_next:  # or else damage made the number
            self._soak.ages_s.append(time.monotonic() - sent_s)
            self._last = number
        self._soak.n_seen += 1
        self._soak.sizes.add(frame.size)

    def commit(self) -> int:
        return 0

    def close(self) -> list[Path]:
        return []

    def abort(self) -> None:
        pass


def soak(
    camera: Camera,
    pipeline: Pipeline,
    seconds: float,
    folder: Path,
    *,
    sinks: Sequence[str] = ("jsonl", "mp4"),
    restart_every_s: float = 30.0,
    say: bool = False,
) -> Soak:
    """Run a pipeline on a camera for some seconds, with metrics, and restart the camera meanwhile.

    Args:
        camera: Camera.
        pipeline: Pipeline.
        seconds: How long.
        folder: Folder of the run.
        sinks: Sinks of the run.
        restart_every_s: Seconds between restarts of the camera, each of which takes two.
        say: Whether to print a line a minute.
    """
    told, ended, registry = Soak(), threading.Event(), default_registry()
    settings = {"stream": {"timeout_s": 2.0, "pause_s": 0.1}}
    source = open_source(camera.address, registry, settings)
    made = [registry.create("sink", name, context=RunContext(folder)) for name in sinks]
    metrics, begun = Metrics(camera.address), time.monotonic()
    port = _free_port()
    after = {"second": begun + 1, "minute": begun + 60}

    def advance(summary: RunSummary, _total: int | None) -> None:
        now = time.monotonic()
        metrics.watch(summary)
        if now > after["second"]:
            after["second"] = now + 1
            told.resident_mb.append(resident_mb())
        is_over = now - begun > seconds and not ended.is_set()
        if now > after["minute"] or is_over:
            after["minute"] = now + 60
            told.differences += _differences(port, summary)
            if say:
                _say(told, summary, now - begun)
        if is_over:
            ended.set()
            source.close()

    def restart() -> None:
        while not ended.wait(restart_every_s):
            camera.restart(2.0)

    restarting = threading.Thread(target=restart, daemon=True)
    restarting.start()
    with served(metrics, str(port)):
        told.summary = run(source, pipeline, [*made, _Watch(camera, told)], advance)
    ended.set()
    restarting.join()
    return told


def faults(told: Soak, *, most_age_s: float = MOST_AGE_S) -> list[str]:
    """Return what was not as it should be, a sentence each."""
    found, summary, n = list(told.differences), told.summary, len(told.resident_mb)
    if n >= LEAST_SAMPLES:
        first, last = (
            statistics.median(part)
            for part in (told.resident_mb[n // 4 : n // 2], told.resident_mb[-n // 4 :])
        )
        if last > MOST_GROWTH * first:
            found.append(f"memory grew from {first:.0f} to {last:.0f} MB")
    late = float(np.percentile(told.ages_s, 99))
    if late > most_age_s:
        found.append(f"one picture of a hundred was {late:.1f} s old")
    if summary.frames != told.n_seen:
        found.append(f"{summary.frames} frames are in the summary, {told.n_seen} in the sink")
    return found


def resident_mb() -> float:
    """Return the memory of this process in MB, as Linux tells it, less what malloc keeps unused."""
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc
        libc.malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def _differences(port: int, summary: RunSummary) -> list[str]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        rows = dict(
            line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[:1] != "#"
        )
    found = {name.partition("{")[0]: float(value) for name, value in rows.items()}
    expected = {
        "drivemeta_frames_dropped_total": summary.clock.dropped,
        "drivemeta_packets_corrupt_total": summary.corrupt,
        "drivemeta_reconnects_total": summary.reconnects,
        "drivemeta_tracks_total": summary.tracks,
    }
    return [
        f"{name}: {found.get(name)} in the metrics, {value} in the summary"
        for name, value in expected.items()
        if found.get(name) != value
    ]


def _say(told: Soak, summary: RunSummary, seconds: float) -> None:
    recent = told.ages_s[-1000:] or [0.0]
    sys.stdout.write(
        f"{seconds / 60:6.1f} min  {summary.frames} frames  {summary.clock.dropped} dropped  "
        f"{summary.reconnects} reconnects  {summary.corrupt} corrupt  age "
        f"{statistics.median(recent):.2f} s, at most {max(recent):.2f} s  "
        f"{told.resident_mb[-1] if told.resident_mb else 0:.0f} MB\n"
    )
    sys.stdout.flush()


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    """Run, tell, and fail if anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--model", type=Path, help="the shipped base by default")
    parser.add_argument("--slow-ms", type=float, help="in place of a model: a pause a frame")
    given = parser.parse_args()
    camera = Camera(ACTS, given.fps)
    registry, options = default_registry(), Options(provider="cpu")
    if given.slow_ms is None:
        detector, options = detector_for(given.model, options, live=True)
        pipeline = build_pipeline(detector, options, run_context(detector, options), registry)
    else:
        pipeline = slow_pipeline(given.slow_ms / 1000)
    with tempfile.TemporaryDirectory() as folder:
        told = soak(camera, pipeline, 60 * given.minutes, Path(folder), say=True)
    camera.close()
    sys.stdout.write(f"{machine()}\n{told.summary.as_json()}\n")
    wrong = faults(told)
    sys.stdout.write("".join(f"WRONG: {each}\n" for each in wrong) or "all as it should be\n")
    sys.exit(bool(wrong))


def slow_pipeline(pause_s: float) -> Pipeline:
    """Return a pipeline whose detector waits and finds one box in each frame."""

    def detect(frames: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        time.sleep(pause_s)
        box = np.array([[10, 40, 60, 80]], np.float32)
        one = np.ones(1, np.float32)
        return [Detections(box, one, np.zeros(1, np.int64), ("vehicle",)) for _ in frames]

    registry = default_registry()
    tracker = registry.create("tracker", "bytetrack", context=RunContext(tracker="bytetrack"))
    return Pipeline(detect, tracker, registry.create("scheduler", "fixed"), classes=("vehicle",))


if __name__ == "__main__":
    main()
