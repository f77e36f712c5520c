"""Boxes of COCO that hold two corners, or a centre, where a corner, width and height are meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from drivemeta.core.boxes import iou_matrix
from drivemeta.data.readers.shapes import Box, box_round
from drivemeta.data.readers.values import as_number
from drivemeta.errors import AnnotationError

_OFF_PX = 2.0  # rounding, and the last pixel counted or not
_OFF_SHARE = 0.02
_LEAST_IOU = 0.25  # of a box and its outline; about a centre that is taken for a corner it is 1/7


def box_round_polygons(polygons: Sequence[object], where: str) -> Box:
    """Return left, top, right, bottom round the polygons of a `segmentation`.

    Raises:
        AnnotationError: They are none.
    """
    points: list[tuple[float, float]] = []
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise AnnotationError(f"{where}: expected polygons [x1, y1, x2, y2, x3, y3, ...]")
        numbers = [as_number(value, where) for value in polygon]
        points += zip(numbers[::2], numbers[1::2], strict=True)
    return box_round(points)


def check_boxes(path: Path, annotations: Iterable[Mapping[str, object]]) -> list[str]:
    """Compare boxes with the areas or polygons of their annotations; return notes.

    Raises:
        AnnotationError: Most of them show that boxes are two corners, or lie elsewhere.
    """
    shown = Counter(found for row in annotations if (found := _shown(row)))
    n_corners, n_elsewhere = shown["corners"], shown["elsewhere"]
    if n_corners * 2 > shown.total():
        raise AnnotationError(
            f"{path}: expected bbox [x, y, width, height]; the areas or polygons of {n_corners} "
            "annotations fit [x1, y1, x2, y2] instead: write the boxes anew"
        )
    what = f"boxes lie elsewhere than their polygons in {n_elsewhere} annotations"
    if n_elsewhere * 2 > shown.total():
        raise AnnotationError(
            f"{path}: expected bbox [x, y, width, height], x and y of the upper left corner; {what}"
        )
    return [what] if n_elsewhere else []


def _shown(row: Mapping[str, object]) -> str:
    """Return what the polygons or the area of an annotation show of its box, empty if nothing."""
    box, polygons, attributes = (row.get(name) for name in ("bbox", "segmentation", "attributes"))
    is_turned = isinstance(attributes, dict) and attributes.get("rotation")
    if not isinstance(box, list) or len(box) != 4 or is_turned:
        return ""
    try:
        x, y, right, bottom = (as_number(value, "") for value in box)
        sized, corners = [x, y, x + right, y + bottom], [x, y, right, bottom]
        if isinstance(polygons, list) and polygons:
            return _by_outline(sized, corners, box_round_polygons(polygons, ""))
        area = as_number(row.get("area"), "")
    except AnnotationError:  # no such box, polygons or area
        return ""
    fits = [area > 0 and abs(_area(way) - area) <= _OFF_SHARE * area for way in (sized, corners)]
    return "" if fits[0] == fits[1] else "corners" if fits[1] else "sized"


def _by_outline(sized: Box, corners: Box, outline: Box) -> str:
    if _off(sized, outline) <= _OFF_PX:
        return "sized"
    if _off(corners, outline) <= _OFF_PX:
        return "corners"
    pair = (np.array([way], np.float32) for way in (sized, outline))
    return "elsewhere" if iou_matrix(*pair)[0, 0] < _LEAST_IOU else "sized"


def _off(first: Box, second: Box) -> float:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
