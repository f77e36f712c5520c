"""Record what every plan finds in clips, for the environment that schedulers are trained in.

    drivemeta export --input-size 256x448 --out small.onnx
    python -m tools.schedulers.record_traces --small small.onnx --out tools/schedulers/traces \
        train=a.mp4 held=b.mp4

Each clip is named `SPLIT=SOURCE`; a source is whatever `drivemeta process` takes, `synthetic:3`
too. The looks are the pipeline's own: the small model, the whole frame, the frame with 2 x 2 tiles.
Costs are processor seconds of one thread, so that other load does not count.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from drivemeta.core import Detections, Frame
from drivemeta.core.run import PlanMode
from drivemeta.plugins.registry import default_registry
from drivemeta.plugins.source.protocol import Source
from drivemeta.training.schedulers.traces import LOOKS, Trace, save_trace
from drivemeta.video.builder import build_pipeline, run_context
from drivemeta.video.opening import detector_for, open_source
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline
from drivemeta.video.scheduling import difference, thumbnail


def record(pipeline: Pipeline, source: Source, n_frames: int, fps: float) -> Trace:
    """Look at the frames of a source in every mode."""
    info = source.info()
    step = max(1, round(info.fps / fps))
    found: dict[PlanMode, list[Detections]] = defaultdict(list)
    seconds: dict[PlanMode, list[float]] = defaultdict(list)
    differences, before = [], None
    for frame in islice(_every(source, step), n_frames):
        for mode in LOOKS:
            started = time.process_time()
            found[mode] += pipeline.detector(mode)([frame.image])
            seconds[mode].append(time.process_time() - started)
        now = thumbnail(frame.image)
        differences.append(difference(before, now))
        before = now
    source.close()
    costs = {mode: float(np.median(seconds[mode])) for mode in LOOKS}
    changes = np.array(differences, np.float32)
    return Trace(info.name, info.fps / step, info.frame_size, dict(found), changes, costs)


def _every(source: Source, step: int) -> Iterator[Frame]:
    for frame in source:
        if frame.index % step == 0:
            yield frame


def main(arguments: list[str] | None = None) -> int:
    """Record clips."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("clips", nargs="+", metavar="SPLIT=SOURCE")
    parser.add_argument("--small", type=Path, required=True, help="the model of a smaller input")
    parser.add_argument("--model", type=Path, help="the shipped base by default")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--fps", type=float, default=10)
    given = parser.parse_args(arguments)
    options = Options(
        tiles=(2, 2),
        small_model=str(given.small),
        workers=os.cpu_count(),  # of one thread each
        provider="cpu",
    )
    detector, options = detector_for(given.model, options, live=False, cores=1)
    context = run_context(detector, options)
    pipeline = build_pipeline(detector, options, context, default_registry())
    for clip in given.clips:
        split, _, place = clip.partition("=")
        trace = record(pipeline, open_source(place), given.frames, given.fps)
        path = given.out / split / (Path(place).stem.replace(":", "-") + ".safetensors")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_trace(trace, path)
        print(path, len(trace), dict(trace.costs), path.stat().st_size, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
