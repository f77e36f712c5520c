"""Measure what the activations of the shipped base reach on real frames, for int8 without frames.

    python -m tools.base.int8_ranges [--scenes ../shared/data/scenes] [--frames 12]

Frames are drawn from the training splits of the sources. Writes
`drivemeta/weights/int8_ranges.json`; run it again whenever the weights of the base change.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from drivemeta.data.readers.coco import read_coco
from drivemeta.data.readers.files import read_image
from drivemeta.export.exporter import export_detector
from drivemeta.export.parts import Parts
from drivemeta.export.precision.calibration_inputs import Eyes, Image
from drivemeta.export.precision.int8 import Ranges, ranges_of
from drivemeta.export.precision.shipped_ranges import level1_key, write_ranges
from drivemeta.models.store import load_base
from drivemeta.paths import INT8_RANGES
from drivemeta.runtime.model_file import read_model_file

SOURCES = ("bdd", "italy", "kitti", "vietnam")
INPUT_SIZES = ((576, 1024), (384, 640))


def draw_frames(scenes: Path, source: str, n: int) -> list[Image]:
    """Return some training frames of a source."""
    images = read_coco(scenes / source / "annotations.json").split("train").images
    drawn = np.random.default_rng(0).permutation(len(images))[:n]
    return [read_image(images[i].path) for i in drawn]


def measure(frames: list[Image]) -> tuple[str, dict[str, Ranges]]:
    """Return the digest of the base, and the ranges of its networks at all input sizes."""
    base, found, digest = load_base(), dict[str, Ranges](), ""
    for size in INPUT_SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "base.onnx"
            export_detector(base, path, input_size=size)
            parts = Parts.of(read_model_file(path))
        eyes, digest = Eyes(parts), parts.manifest.digests.weights
        graphs = {level1_key(*size): ("level1", parts.networks.level1)}
        if not found:
            graphs |= {stem: (stem, getattr(parts.networks, stem)) for stem in ("level2", "things")}
        for name, (stem, graph) in graphs.items():
            assert graph is not None  # the base has all three
            found[name] = ranges_of(graph, eyes.inputs(stem, frames))
            print(name, len(found[name]), "activations", flush=True)
    return digest, found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--frames", type=int, default=12, help="of each source")
    arguments = parser.parse_args()
    drawn = {s: draw_frames(arguments.scenes, s, arguments.frames) for s in SOURCES}
    digest, found = measure([frame for frames in drawn.values() for frame in frames])
    write_ranges(INT8_RANGES, digest, {s: len(frames) for s, frames in drawn.items()}, found)


if __name__ == "__main__":
    main()
