"""What each plan would have found in each frame of a clip, recorded once, to be replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from drivemeta.core import Detections
from drivemeta.core.run import PlanMode
from drivemeta.errors import InputError
from drivemeta.files import atomic_path

LOOKS: tuple[PlanMode, ...] = ("small", "full", "sliced")  # a skip finds nothing new
VERSION = "1"


@dataclass(frozen=True, eq=False)
class Trace:
    """A clip as every plan sees it.

    Attributes:
        name: Name of the clip.
        fps: Rate of the frames recorded.
        size: Height and width of the frames in pixels.
        found: Detections of each frame by mode.
        differences: (n_frames,) float32, as `SchedulerState.difference`.
        costs: Seconds of processor time an inference takes, by mode, where it was recorded.
    """

    name: str
    fps: float
    size: tuple[int, int]
    found: Mapping[PlanMode, list[Detections]]
    differences: NDArray[np.float32]
    costs: Mapping[PlanMode, float]

    def __len__(self) -> int:
        return len(self.differences)


def save_trace(trace: Trace, path: Path) -> None:
    """Write a trace; boxes to a quarter of a pixel, scores to 1/255, no images."""
    arrays: dict[str, NDArray[np.generic]] = {"differences": trace.differences}
    for mode in LOOKS:
        frames = trace.found[mode]
        boxes = np.concatenate([frame.boxes for frame in frames])
        arrays[f"{mode}.counts"] = np.array([len(frame) for frame in frames], np.uint16)
        arrays[f"{mode}.boxes"] = np.round(np.clip(boxes, 0, 16383) * 4).astype(np.uint16)
        scores = np.concatenate([frame.scores for frame in frames])
        arrays[f"{mode}.scores"] = np.round(scores * 255).astype(np.uint8)
        arrays[f"{mode}.labels"] = np.concatenate([f.labels for f in frames]).astype(np.uint8)
    about = {
        "version": VERSION,
        "name": trace.name,
        "fps": trace.fps,
        "size": trace.size,
        "costs": dict(trace.costs),
        "classes": trace.found["full"][0].classes,
    }
    with atomic_path(path) as unfinished:
        save_file(arrays, unfinished, {"trace": json.dumps(about)})


def load_trace(path: Path) -> Trace:
    """Read a trace.

    Raises:
        InputError: the file holds none of this version.
    """
    with safe_open(path, "numpy") as file:
        about = json.loads((file.metadata() or {}).get("trace", "{}"))
        if about.get("version") != VERSION:
            raise InputError(
                f"{path}: expected a trace of version {VERSION}, found "
                f"{about.get('version', 'none')}; record it again by tools.schedulers.record_traces"
            )
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
    classes = tuple(about["classes"])
    found = {mode: _frames(mode, arrays, classes) for mode in LOOKS}
    size = (int(about["size"][0]), int(about["size"][1]))
    return Trace(about["name"], about["fps"], size, found, arrays["differences"], about["costs"])


def _frames(
    mode: str, arrays: Mapping[str, NDArray[np.generic]], classes: tuple[str, ...]
) -> list[Detections]:
    ends = np.cumsum(arrays[f"{mode}.counts"].astype(np.int64))[:-1]
    boxes: list[NDArray[np.float32]] = np.split(
        arrays[f"{mode}.boxes"].astype(np.float32) / 4, ends
    )
    scores = np.split(arrays[f"{mode}.scores"].astype(np.float32) / 255, ends)
    labels = np.split(arrays[f"{mode}.labels"].astype(np.int64), ends)
    return [
        Detections(box, score.astype(np.float32), label.astype(np.int64), classes)
        for box, score, label in zip(boxes, scores, labels, strict=True)
    ]
