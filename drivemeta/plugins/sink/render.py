"""Boxes, names and identities drawn on a frame, legible from 360p to 4K."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from drivemeta.core import UNTRACKED, Tracks
from drivemeta.core.lettering import width_of, write
from drivemeta.errors import InputError
from drivemeta.plugins.sink.class_colours import Rgb, colours_of
from drivemeta.plugins.sink.label_places import place_labels

LABEL_PARTS = ("name", "score", "id")
REFERENCE_HEIGHT = 720
LETTERS_PX, LEAST_LETTERS_PX, LINE_PX = 15, 11, 2  # at that height
Picture = NDArray[np.uint8]


def label_parts(text: str) -> tuple[str, ...]:
    """Return what a label says, read from `name,score,id`, some of these, or `none`.

    Raises:
        InputError: something else is named.
    """
    parts = () if text.strip() == "none" else tuple(part.strip() for part in text.split(","))
    if set(parts) - set(LABEL_PARTS):
        raise InputError(f"labels: expected none, or some of {', '.join(LABEL_PARTS)}: {text!r}")
    return parts


def draw(image: Picture, tracks: Tracks, parts: Collection[str] = LABEL_PARTS) -> Picture:
    """Return a copy of a (height, width, 3) uint8 BGR image with the tracks drawn on it.

    Where objects stand close, the surest and largest have labels, the rest their boxes alone.

    Args:
        image: Frame.
        tracks: Objects found in it.
        parts: What labels say; see `LABEL_PARTS`.
    """
    found, drawn = tracks.detections, image.copy()
    scale = image.shape[0] / REFERENCE_HEIGHT
    colours = [colours_of(found.classes)[label] for label in found.labels]
    thickness = max(1, round(LINE_PX * scale))
    for box, colour in zip(found.boxes.astype(int).tolist(), colours, strict=True):
        cv2.rectangle(drawn, box[:2], box[2:], colour[::-1], thickness)
    if not parts:
        return drawn
    letters = max(LEAST_LETTERS_PX, round(LETTERS_PX * scale))
    labels = [
        _label(text, colour, letters)
        for text, colour in zip(_texts(tracks, parts), colours, strict=True)
    ]
    sizes = [(label.shape[1], label.shape[0]) for label in labels]
    places = place_labels(found, sizes, (image.shape[1], image.shape[0]))
    for place, label in zip(places, labels, strict=True):
        if place is not None:
            x, y = place
            ground = drawn[y : y + label.shape[0], x : x + label.shape[1]]
            ground[:] = label[:, : ground.shape[1]]  # a name may be longer than the frame is wide
    return drawn


def _texts(tracks: Tracks, parts: Collection[str]) -> list[str]:
    found, texts = tracks.detections, []
    for name, score, track in zip(found.names, found.scores, tracks.ids, strict=True):
        words = {"name": name, "score": f"{score:.2f}", "id": f"#{track}"}
        told = [part for part in LABEL_PARTS if part in parts]
        texts.append(" ".join(words[p] for p in told if p != "id" or track != UNTRACKED))
    return texts


@lru_cache(maxsize=256)
def _label(text: str, colour: Rgb, letters: int) -> Picture:
    """Return a label as a (height, width, 3) uint8 BGR picture; empty without a text."""
    if not text:
        return np.zeros((0, 0, 3), np.uint8)
    margin = max(2, letters // 5)
    size = (round(width_of(text, letters)) + 2 * margin, round(1.25 * letters) + margin)
    ground = Image.new("RGB", size, colour)
    write(ImageDraw.Draw(ground), (margin, margin // 2), text, "black", letters)
    return np.ascontiguousarray(np.asarray(ground)[:, :, ::-1])
