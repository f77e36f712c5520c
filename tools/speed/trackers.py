"""Score the trackers on synthetic drives: HOTA, MOTA and IDF1 by the `trackers` package.

    python -m tools.speed.trackers --scenes 6 --frames 150 --detections noisy
    python -m tools.speed.trackers --scenes 6 --frames 150 --detections base

`noisy` detections are the true boxes of all that is clear to see, some left out, all moved a
little, with false ones added: they score the tracker alone. `base` ones are the shipped base's.
The own car moves, and all in the picture with it; once smoothly, once with a camera that shakes:
each frame is moved by a random number of pixels.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from trackers.eval import evaluate_mot_sequences

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.synthetic import SyntheticFrame
from drivemeta.video.opening import detector_for
from drivemeta.video.options import Options

CLASSES = ("vehicle", "pedestrian", "cyclist", "traffic_light", "traffic_sign")
SHAKES = {"smooth ride": 0.0, "shaking camera": 4.0}  # pixels of 360 lines
FAMILIES = {name: name for name in CLASSES}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "botsort": ("botsort", {"context": RunContext(families=FAMILIES)}),
    "botsort, classes mixed": ("botsort", {}),
    "bytetrack": ("bytetrack", {"context": RunContext(families=FAMILIES)}),
    "ocsort": ("ocsort", {"context": RunContext(families=FAMILIES)}),
}


@dataclass(frozen=True)
class Noise:
    """How detections differ from the truth.

    Attributes:
        missed: Part of the boxes that are not found.
        moved: Standard deviation of each side, in parts of the box's size.
        false: Boxes a frame that are nothing, on average.
    """

    missed: float = 0.15
    moved: float = 0.05
    false: float = 0.5

    def detect(self, truth: SyntheticFrame, random: np.random.Generator) -> Detections:
        """Return what a detector of this quality finds."""
        rows = [i for i in np.flatnonzero(truth.clear) if random.random() >= self.missed]
        boxes = truth.boxes[rows]
        sizes = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        moved = boxes + random.normal(0, self.moved, boxes.shape) * sizes
        n_false = random.poisson(self.false)
        height, width = truth.image.shape[:2]
        corners = random.uniform(0, 0.9, (n_false, 2)) * (width, height)
        extra = np.concatenate([corners, corners + random.uniform(8, 60, (n_false, 2))], 1)
        labels = [CLASSES.index(truth.names[i]) for i in rows]
        labels += random.integers(0, len(CLASSES), n_false).tolist()
        return Detections(
            np.concatenate([moved, extra]).astype(np.float32).reshape(-1, 4),
            random.uniform(0.4, 0.95, len(labels)).astype(np.float32),
            np.array(labels, np.int64),
            CLASSES,
        )


def drive(seed: int, n_frames: int) -> Iterator[tuple[Frame, SyntheticFrame]]:
    """Yield the frames of a scene with what is in them."""
    truths: list[SyntheticFrame] = []
    source = default_registry().create(
        "source",
        "synthetic",
        seed=seed,
        n_frames=n_frames,
        height=360,
        width=640,
        on_truth=lambda _, truth: truths.append(truth),
    )
    for frame in source:
        yield frame, truths.pop()


def true_lines(index: int, truth: SyntheticFrame) -> str:
    """Return the clear objects of a frame as MOT Challenge text."""
    lines = ""
    for row in np.flatnonzero(truth.clear):
        x1, y1, x2, y2 = truth.boxes[row]
        box = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
        lines += f"{index + 1},{truth.ids[row]},{box},1,1,1\n"
    return lines


class Way:
    """One tracker, writing MOT Challenge text by the `mot` sink.

    Args:
        name: Name of the way.
        folder: Folder of its texts.
    """

    def __init__(self, name: str, folder: Path) -> None:
        kind, params = WAYS[name]
        self._tracker = default_registry().create("tracker", kind, **params)
        self.name, self.folder, self.seconds, self.n_frames = name, folder, 0.0, 0

    def begin(self, seed: int) -> None:
        """Begin a scene."""
        self._tracker.reset()
        self._sink = default_registry().create(
            "sink", "mot", context=RunContext(self.folder), name=f"{seed}.txt"
        )
        self._sink.open(StreamInfo(str(seed), CLASSES, (360, 640), 15.0), 0)

    def update(self, found: Detections, frame: Frame) -> None:
        """Track one frame."""
        began = time.perf_counter()
        tracks: Tracks = self._tracker.update(found, frame)
        self.seconds += time.perf_counter() - began
        self.n_frames += 1
        self._sink.write(frame, tracks)

    def end(self) -> None:
        """End a scene."""
        self._sink.close()


def main() -> None:
    """Run all trackers over the same detections and print a table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--detections", choices=["noisy", "base"], default="noisy")
    asked = parser.parse_args()
    detector = None
    if asked.detections == "base":
        detector = detector_for(None, Options(provider="cpu"), live=True)[0]
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: Run(Path(folder) / name, shake) for name, shake in SHAKES.items()}
        for seed in range(asked.first, asked.first + asked.scenes):
            for run in runs.values():
                run.begin(seed)
            for frame, truth in drive(seed, asked.frames):
                for run in runs.values():
                    run.update(frame, truth, detector)
            for run in runs.values():
                run.end(seed)
            print(f"scene {seed} done", flush=True)
        for name, run in runs.items():
            print(f"\n{name}\n\n| tracker | HOTA | MOTA | IDF1 | switches | ms a frame |")
            print("|---|---|---|---|---|---|")
            for way in run.ways.values():
                print(row(way, run.folder / "truth"))


class Run:
    """All trackers over the same scenes.

    Args:
        folder: Folder of texts.
        shake: Standard deviation in pixels by which each frame is moved, both ways.
    """

    def __init__(self, folder: Path, shake: float) -> None:
        self.folder, self._shake = folder, shake
        (folder / "truth").mkdir(parents=True)
        self.ways = {name: Way(name, folder / name) for name in WAYS}

    def begin(self, seed: int) -> None:
        """Begin a scene."""
        self._random, self._text = np.random.default_rng(seed), ""
        for way in self.ways.values():
            way.begin(seed)

    def update(self, frame: Frame, truth: SyntheticFrame, detector: OnnxDetector | None) -> None:
        """Take one frame of it."""
        down, right = self._random.normal(0, self._shake, 2).round().astype(int).tolist()
        image = np.roll(frame.image, (down, right), (0, 1))
        boxes = truth.boxes + np.array([right, down, right, down], np.float32)
        truth, frame = replace(truth, image=image, boxes=boxes), replace(frame, image=image)
        self._text += true_lines(frame.index, truth)
        if detector is None:
            found = Noise().detect(truth, self._random)
        else:
            found = super_classes(detector([image])[0], detector.families)
        for way in self.ways.values():
            way.update(found, frame)

    def end(self, seed: int) -> None:
        """End it."""
        (self.folder / "truth" / f"{seed}.txt").write_text(self._text)
        for way in self.ways.values():
            way.end()


def super_classes(found: Detections, families: Mapping[str, str]) -> Detections:
    """Return detections named by their super-classes."""
    labels = [CLASSES.index(families[name]) for name in found.names]
    return Detections(found.boxes, found.scores, np.array(labels, np.int64), CLASSES)


def row(way: Way, truths: Path) -> str:
    """Return a tracker's row of the table."""
    scored = evaluate_mot_sequences(
        truths, way.folder, metrics=["CLEAR", "HOTA", "Identity"]
    ).aggregate
    milliseconds = 1000 * way.seconds / way.n_frames
    return (
        f"| {way.name} | {scored.HOTA.HOTA:.3f} | {scored.CLEAR.MOTA:.3f} | "
        f"{scored.Identity.IDF1:.3f} | {scored.CLEAR.IDSW} | {milliseconds:.1f} |"
    )


if __name__ == "__main__":
    main()
