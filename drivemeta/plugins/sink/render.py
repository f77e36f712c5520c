"""Boxes, names and identities drawn on a frame, legible from 360p to 4K."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Tracks

# Distinct on asphalt, sky and at night; by class, so an object keeps its colour.
PALETTE = sv.ColorPalette.from_hex(
    ["#2f9bff", "#ff9f1c", "#c77dff", "#35d07f", "#ff4d6d", "#ffe14d", "#00d5d5", "#ff7ac6"]
)
REFERENCE_HEIGHT = 720


def draw(image: NDArray[np.uint8], tracks: Tracks) -> NDArray[np.uint8]:
    """Return a copy of a (height, width, 3) uint8 BGR image with the tracks drawn on it."""
    found = tracks.detections
    drawn = image.copy()
    if not len(found):
        return drawn
    boxes, labels = _annotators(max(1, round(image.shape[0] / REFERENCE_HEIGHT * 4)))
    view = found.to_supervision()
    texts = [
        f"{name} {score:.2f}" + (f" #{track}" if track != UNTRACKED else "")
        for name, score, track in zip(found.names, found.scores, tracks.ids, strict=True)
    ]
    drawn = boxes.annotate(drawn, view)
    return np.asarray(labels.annotate(drawn, view, labels=texts), np.uint8)


@lru_cache(maxsize=8)
def _annotators(size: int) -> tuple[sv.BoxAnnotator, sv.LabelAnnotator]:
    """Return annotators whose lines and letters are `size` quarters of those at 720 lines."""
    scale = size / 4
    lines = max(1, round(2 * scale))
    boxes = sv.BoxAnnotator(PALETTE, thickness=lines)
    labels = sv.LabelAnnotator(
        PALETTE,
        text_color=sv.Color.BLACK,
        text_scale=max(0.3, 0.45 * scale),
        text_thickness=max(1, round(scale)),
        text_padding=max(2, round(3 * scale)),
        smart_position=True,
    )
    return boxes, labels
