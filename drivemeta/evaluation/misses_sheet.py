"""A picture of the objects that only one of two models misses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.versus import OnlyMiss
from drivemeta.files import write_bytes

TILE, COLUMNS, MOST, CONTEXT = 128, 8, 24, 1.6
HEADER = 28
PAPER, INK, EDGE = (255, 255, 255), (31, 27, 28), (60, 60, 220)


def write_misses(misses: Sequence[OnlyMiss], names: tuple[str, str], path: str | Path) -> None:
    """Write a PNG with the largest boxes that each of two models alone misses.

    Args:
        misses: Boxes that one misses.
        names: What the first and the second model are called.
        path: File to write.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = []
    for name, by_first in zip(names, (True, False), strict=True):
        own = sorted((m for m in misses if m.by_first == by_first), key=lambda m: -_area(m.box))
        parts.append(_header(f"only {name} misses: {len(own)}"))
        parts += _rows([_tile(miss) for miss in own[:MOST]])
    picture = cv2.imencode(".png", np.concatenate(parts))[1]
    write_bytes(path, picture.tobytes())


def _header(text: str) -> NDArray[np.uint8]:
    strip = np.full((HEADER, TILE * COLUMNS, 3), PAPER, np.uint8)
    cv2.putText(strip, text, (6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return strip


def _rows(tiles: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    blank = np.full((TILE, TILE, 3), PAPER, np.uint8)
    tiles = tiles + [blank] * (-len(tiles) % COLUMNS)
    return [np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)]


def _tile(miss: OnlyMiss) -> NDArray[np.uint8]:
    """Return the square about a box, with its edge and its class."""
    image, box = read_image(miss.path), miss.box
    side = max(CONTEXT * float((box[2:] - box[:2]).max()), 8.0)
    left, top = (box[:2] + box[2:]) / 2 - side / 2
    scale = TILE / side
    move = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    tile = cv2.warpAffine(image, move, (TILE, TILE), borderMode=cv2.BORDER_REPLICATE)
    x1, y1, x2, y2 = (int(v) for v in (box - np.tile([left, top], 2)) * scale)
    cv2.rectangle(tile, (x1, y1), (x2, y2), EDGE, 1)
    cv2.putText(tile, miss.name, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, PAPER, 3)
    cv2.putText(tile, miss.name, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1)
    return np.asarray(tile, np.uint8)


def _area(box: FloatArray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
