"""Measure the whole video pipeline against the bare ONNX Runtime session, in one process.

The session alone, as ONNX Runtime makes it by default and fed one frame after the other from
memory, is the yardstick. Each run lies between two runs of the session, and is compared with their
mean, so that what else the machine does disturbs both alike.

    python -m tools.speed.pipeline --rounds 5 --frames 150

The clip is rendered once (720p, H.264, synthetic scenes) and kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from drivemeta.core.videos import ffmpeg_name
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.api import run
from drivemeta.video.builder import build_pipeline, clipped, run_context
from drivemeta.video.opening import detector_for, model_path, open_source
from drivemeta.video.options import Options
from tools.provenance import processor

CLIP = Path("runs/clips/bench-720p.mp4")
FPS = 25
BARE = "bare session, frames in memory"
Sample = tuple[float, float, float]  # wall seconds, CPU seconds, frames/s in parts of the session's
TARGETS = {"pipeline, JSONL": 0.90, "pipeline, annotated MP4": 0.75}


def make_clip(path: Path, n_frames: int) -> None:
    """Render a synthetic drive as 720p H.264, unless one of that length is there."""
    if path.is_file():
        with av.open(ffmpeg_name(path)) as there:
            if there.streams.video[0].frames >= n_frames:
                return
    path.parent.mkdir(parents=True, exist_ok=True)
    drive = default_registry().create(
        "source", "synthetic", seed=3, n_frames=n_frames, height=720, width=1280, fps=FPS
    )
    partial = path.with_name(f".{path.name}")
    with av.open(ffmpeg_name(partial), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "20"})
        stream.height, stream.width, stream.pix_fmt = 720, 1280, "yuv420p"
        for frame in drive:
            picture = av.VideoFrame.from_ndarray(frame.image, format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    partial.replace(path)


class Bench:
    """The ways to run the model over the clip; each returns seconds.

    Args:
        clip: Video file.
        model: Exported ONNX model; None for the shipped base.
        n_frames: Number of frames of the clip.
        provider: Execution provider of ONNX Runtime.
    """

    def __init__(self, clip: Path, model: Path | None, n_frames: int, provider: str) -> None:
        options = Options(end_s=(n_frames - 0.5) / FPS, provider=provider)
        self._bare = OnnxDetector(model_path(model), provider=provider)
        began = time.perf_counter()
        self._detector, self._options = detector_for(model, options, live=False)
        self.load_s = time.perf_counter() - began
        self._clip, self._n = clip, n_frames
        self._frames = [frame.image for frame in islice(open_source(clip), n_frames)]
        self.first_frame_s: list[float] = []
        self.stages: dict[str, dict[str, float]] = {}
        self.provider, self.workers = self._detector.provider, self._options.workers

    def session(self) -> float:
        """Run the bare session over frames in memory."""
        began = time.perf_counter()
        for frame in self._frames:
            self._bare._session.run(frame[None], {})  # noqa: SLF001  (the bare session)
        return time.perf_counter() - began

    def pipeline(self, sink: str) -> float:
        """Run the whole pipeline into one sink."""
        with tempfile.TemporaryDirectory() as folder:
            registry = default_registry()
            context = run_context(self._detector, self._options, Path(folder))
            built = registry.create("sink", sink, context=context)
            pipeline = build_pipeline(self._detector, self._options, context, registry)
            summary = run(clipped(open_source(self._clip), self._options), pipeline, [built])
        if summary.frames != self._n:
            raise SystemExit(f"expected {self._n} frames, found {summary.frames}")
        self.first_frame_s.append(summary.first_frame_s)
        seconds = summary.clock.seconds
        self.stages[sink] = {k: round(1000 * v / self._n, 1) for k, v in seconds.items()}
        return summary.seconds

    def naive(self, with_video: bool) -> float:
        """Read, detect, draw and write one after the other, as OpenCV's tutorials do."""
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            video = cv2.VideoCapture(str(self._clip))
            writer = None
            if with_video:
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(f"{folder}/out.mp4", code, FPS, (1280, 720))
            for _ in range(self._n):
                _, image = video.read()
                found = self._bare([np.asarray(image, np.uint8)])[0]
                if writer is not None:
                    for x1, y1, x2, y2 in found.boxes.astype(int).tolist():
                        cv2.rectangle(image, (x1, y1), (x2, y2), (0, 255, 0), 2)
                    writer.write(image)
            if writer is not None:
                writer.release()
            return time.perf_counter() - began


def main() -> None:
    """Measure and print a table, as Markdown, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--model", type=Path, help="exported ONNX model; the shipped base if left")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    make_clip(asked.clip, asked.frames)
    bench = Bench(asked.clip, asked.model, asked.frames, asked.provider)
    ways: dict[str, Callable[[], float]] = {
        "pipeline, JSONL": lambda: bench.pipeline("jsonl"),
        "pipeline, annotated MP4": lambda: bench.pipeline("mp4"),
        "naive OpenCV loop, no output": lambda: bench.naive(False),
        "naive OpenCV loop, video": lambda: bench.naive(True),
    }
    samples = measure(bench.session, ways, asked.rounds)
    report(bench, samples, asked.frames, asked.json)


def measure(
    bare: Callable[[], float], ways: dict[str, Callable[[], float]], rounds: int
) -> dict[str, list[Sample]]:
    """Run each way between two runs of the bare session, so many rounds."""
    samples: dict[str, list[Sample]] = {name: [] for name in (BARE, *ways)}
    before = timed(bare)
    for number in range(rounds):
        for name, way in ways.items():
            sample, after = timed(way), timed(bare)
            beside = [(a + b) / 2 for a, b in zip(before[:2], after[:2], strict=True)]
            samples[name].append((*sample[:2], beside[0] / sample[0]))
            samples[BARE].append((*after[:2], 1.0))
            before = after
            print(f"round {number + 1}: {name}: {samples[name][-1][2]:.2f}", flush=True)
    return samples


def timed(way: Callable[[], float]) -> Sample:
    """Return the wall and the CPU seconds of one run."""
    began = time.process_time()
    wall = way()
    return wall, time.process_time() - began, 1.0


def report(
    bench: Bench, samples: dict[str, list[Sample]], n_frames: int, path: Path | None
) -> None:
    """Print the table, medians over rounds, and write the figures."""
    rounds = len(samples[next(iter(TARGETS))])
    print(
        f"\n{os.cpu_count()} cores, {processor()}, {bench.provider}, {rounds} rounds of "
        f"{n_frames} frames, {bench.workers} frames at a time in the pipeline\n"
    )
    print("| | frames/s | of the bare session: median | lowest, highest | CPU ms a frame |")
    print("|---|---|---|---|---|")
    rows: dict[str, Any] = {}
    for name, taken in samples.items():
        ratios = [ratio for _, _, ratio in taken]
        row = rows[name] = {
            "fps": round(statistics.median(n_frames / wall for wall, _, _ in taken), 2),
            "ratio": round(statistics.median(ratios), 3),
            "cpu_ms": round(statistics.median(1000 * cpu / n_frames for _, cpu, _ in taken), 1),
            "ratios": [round(ratio, 3) for ratio in ratios],
        }
        goal = f" (wanted {TARGETS[name]:.2f})" if name in TARGETS else ""
        print(
            f"| {name} | {row['fps']:.1f} | {row['ratio']:.2f}{goal} | "
            f"{min(ratios):.2f}, {max(ratios):.2f} | {row['cpu_ms']:.0f} |"
        )
    first = statistics.median(bench.first_frame_s)
    print(f"\nmodel loaded in {bench.load_s:.2f} s, first frame done {first:.2f} s after that")
    print(f"milliseconds a frame and stage: {json.dumps(bench.stages)}")
    if path is not None:
        whole = {
            "rows": rows,
            "load_s": round(bench.load_s, 3),
            "first_frame_s": round(first, 3),
            "stages_ms": bench.stages,
        }
        path.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
