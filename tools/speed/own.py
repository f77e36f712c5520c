"""What a base with a detector of one's own takes, beside the bare sessions of its two parts.

    python -m tools.speed.own mybase.onnx --own yolox_nano.onnx --images ../streets

Processor time of one thread, frames of 720p, in turns; the detector of one's own gets noise of its
input's shape.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from drivemeta.files import list_images
from drivemeta.markdown import table
from drivemeta.shipped import base_onnx
from tools.provenance import command, machine

N_FRAMES, SIZE = 8, (1280, 720)


def main() -> None:
    """Measure and print a table in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("base", type=Path, help="what `drivemeta base import` wrote")
    parser.add_argument("--own", type=Path, required=True, help="the detector that it was made of")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    joined, ours, own = map(_session, (arguments.base, base_onnx(), arguments.own))
    image = own.get_inputs()[0]
    noise = np.random.default_rng(0).uniform(0, 255, image.shape).astype(np.float32)
    files = list_images(arguments.images)[:N_FRAMES]
    frames = [cv2.resize(np.asarray(cv2.imread(str(file))), SIZE)[None] for file in files]
    rows = [
        (_ms(joined, frame), _ms(ours, frame), _ms(own, noise))
        for _ in range(arguments.rounds + 1)
        for frame in frames
    ]
    taken = np.array(rows[len(frames) :])  # the first round is to warm up
    ratios = taken[:, 0] / taken[:, 1:].sum(1)
    print(f"{command()}; {machine()}")
    print(*table(("", "joined", "the shipped base", "the own detector"), _lines(taken)), sep="\n")
    least = taken.min(0)
    print(
        f"of the sum: {least[0] / least[1:].sum():.3f} by the least, {np.median(ratios):.3f} median"
    )


def _lines(taken: np.ndarray) -> list[tuple[str, ...]]:
    kinds = (("least", taken.min(0)), ("median", np.median(taken, 0)))
    return [(name, *(f"{value:.1f}" for value in values)) for name, values in kinds]


def _session(path: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _ms(session: Any, value: np.ndarray) -> float:
    begun = time.process_time()
    session.run(None, {session.get_inputs()[0].name: value})
    return 1e3 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
