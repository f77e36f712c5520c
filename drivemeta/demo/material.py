"""The demo's material: five support frames and a clip, rendered, of a sign the base never saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drivemeta.errors import InputError
from drivemeta.synthetic import (
    CATALOGUE,
    TRAIN_PICTOGRAMS,
    CocoOptions,
    Plan,
    Scene,
    SyntheticFrame,
    render,
    write_frames,
)
from drivemeta.synthetic.signs_and_lights import Sign

SIZE = (540, 960)
FPS = 10.0
N_FRAMES = 100
SUPPORT_SIDES_PX = (64.0, 52.0, 44.0, 38.0, 32.0)
_SUPPORT_SEED, _CLIP_SEED, _SEEDS = 900_000, 950_000, 200
_STEPS = range(0, 60, 4)
_LEAST_SHOWN = 3
_BRIGHT = 0.44


@dataclass(frozen=True)
class Shown:
    """A sign of the class that a frame shows.

    Attributes:
        frame_index: Index of the frame.
        side_px: Width of the sign in pixels.
    """

    frame_index: int
    side_px: float


def write_support(folder: Path, name: str, seed: int, size: tuple[int, int] = SIZE) -> Path:
    """Render and annotate one frame of a sign class for each of `SUPPORT_SIDES_PX`.

    Args:
        folder: Folder that gets `annotations.json` and `images/`.
        name: Sign class; nothing else is annotated.
        seed: Seed of the frames.
        size: Height and width of the frames in pixels.

    Returns:
        The path of the COCO JSON.
    """
    frames, scenes = [], _scenes(_SUPPORT_SEED + seed * _SEEDS, name, size, None)
    for number, side in enumerate(SUPPORT_SIDES_PX):
        frames.append((f"{name}_{number + 1}", _frame_showing(scenes, name, side)))
    options = CocoOptions(size, (name,), only=(name,), suffix=".png")
    return write_frames(folder, frames, options)


def find_clip(name: str, seed: int, size: tuple[int, int] = SIZE) -> Scene:
    """Return a scene whose first `N_FRAMES` pass at least three signs of the class."""
    plan = Plan("clear", "suburban", signs=1.2, fps=FPS, speed_mps=13.0)
    best, most = None, -1
    for scene, _ in zip(
        _scenes(_CLIP_SEED + seed * _SEEDS, name, size, plan), range(_SEEDS), strict=False
    ):
        if scene.sensor.target < _BRIGHT or scene.sensor.saturation < 1.0:
            continue
        way = scene.travelled_m(N_FRAMES)
        passed = [
            prop
            for prop in scene.props(way / 2)
            if isinstance(prop.thing, Sign)
            and prop.thing.name == name
            and 20 < prop.along_m < way
            and prop.across_m > 0
        ]
        count = len({round(prop.along_m) for prop in passed})
        if count >= _LEAST_SHOWN:
            return scene
        if count > most:
            best, most = scene, count
    if best is None:
        raise InputError(f"no scene shows {name!r}")
    return best


def _scenes(seed: int, name: str, size: tuple[int, int], plan: Plan | None) -> Iterator[Scene]:
    """Yield scenes of one country in which every second sign is of the class."""
    if name not in CATALOGUE:
        raise InputError(f"unknown sign class {name!r}")
    weathers = ("clear", "cloudy", "clear", "rain", "dusk", "cloudy")
    names = (name,) * len(TRAIN_PICTOGRAMS) + TRAIN_PICTOGRAMS
    while True:
        asked = plan or Plan(weathers[seed % len(weathers)], signs=1.5, fps=FPS)
        scene = Scene(seed, size, names, asked)
        seed += 1
        if not scene.yellow_signs:
            yield scene


def _frame_showing(scenes: Iterator[Scene], name: str, side_px: float) -> SyntheticFrame:
    """Return the first frame that shows a sign of the class in full, about that wide."""
    for scene in scenes:
        for shown in _shown(scene, name):
            if not 0.9 * side_px < shown.side_px < 1.15 * side_px:
                continue
            frame = render(scene, shown.frame_index)
            widths = frame.boxes[:, 2] - frame.boxes[:, 0]
            close = np.abs(widths / side_px - 1) < 0.2
            own = np.array([leaf == name for leaf in frame.leaves])
            rows = np.flatnonzero(close & own & (frame.visible > 0.95))
            if len(rows):
                return _only(frame, int(rows[0]))
    raise InputError(f"no frame shows {name!r}")


def _only(frame: SyntheticFrame, row: int) -> SyntheticFrame:
    """Return the frame with one object to be learnt from; the others are marked as hidden."""
    others = np.arange(len(frame)) != row
    return replace(frame, visible=np.where(others, np.float32(0.1), frame.visible))


def _shown(scene: Scene, name: str) -> Iterator[Shown]:
    """Yield where signs of the class come into view, without rendering."""
    for index in _STEPS:
        camera, travelled = scene.camera(index), scene.travelled_m(index)
        for prop in scene.props(travelled):
            ahead = prop.along_m - travelled
            if not isinstance(prop.thing, Sign) or prop.thing.name != name or ahead < 5:
                continue
            point = np.array([(prop.across_m, prop.thing.centre_m, ahead)])
            (u, v), side = camera.project(point)[0][0], CATALOGUE[name].width_m
            side_px = camera.focal_px * side * prop.thing.scale / ahead
            inside = side_px < u < scene.size[1] - side_px
            if inside and side_px < v < scene.size[0] - side_px:
                yield Shown(index, float(side_px))
