"""Frames to measure and to calibrate on, out of any source, or drawn."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import InputError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.plugins.calling import info_of
from drivemeta.plugins.registry import Registry
from drivemeta.video.opening import open_source

Image = NDArray[np.uint8]


def read_frames(place: str | Path, n: int, registry: Registry | None = None) -> list[Image]:
    """Return up to n frames of a source, spread over it; the first n of a live one.

    Args:
        place: Folder, a file, `synthetic:SEED`, a camera or an address.
        n: Number of frames.
        registry: Registry of the plugins; the default one if None.

    Raises:
        VideoError: there is nothing that can be read.
        InputError: the source gives no frame.
    """
    kept: list[Image] = []
    with closing(open_source(place, registry)) as source:
        known = info_of(source).n_frames
        wanted = range(n) if known is None else np.linspace(0, known - 1, min(n, known)).round()
        chosen = {int(index) for index in wanted}
        for index, frame in enumerate(source):
            if index in chosen:
                kept.append(frame.image)
            if len(kept) == len(chosen):
                break
    if not kept:
        raise InputError(f"expected frames in {place}, found none")
    return kept


def drawn_frames(n: int, size: tuple[int, int]) -> list[Image]:
    """Return n drawn road scenes of a height and width: not realistic, but with things to find."""
    return [draw_scene(size, seed) for seed in range(n)]


def of_size(frames: list[Image], size: tuple[int, int]) -> list[Image]:
    """Return the frames, those of another height and width resized."""
    return [
        frame
        if frame.shape[:2] == size
        else np.asarray(cv2.resize(frame, (size[1], size[0]), interpolation=cv2.INTER_AREA))
        for frame in frames
    ]
