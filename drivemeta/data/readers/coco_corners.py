"""Boxes of COCO that hold two corners where a corner, a width and a height are meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from drivemeta.data.readers.shapes import Box, box_round
from drivemeta.data.readers.values import as_number
from drivemeta.errors import AnnotationError

_OFF_PX = 2.0  # rounding, and the last pixel counted or not
_OFF_SHARE = 0.02


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


def check_widths(path: Path, annotations: Iterable[Mapping[str, object]]) -> None:
    """Refuse a file whose areas or polygons show that boxes are two corners.

    Raises:
        AnnotationError: More of them show it than show a width and a height.
    """
    shown = [found for row in annotations if (found := _is_of_corners(row)) is not None]
    if sum(shown) * 2 > len(shown):
        raise AnnotationError(
            f"{path}: expected bbox [x, y, width, height]; the areas or polygons of {sum(shown)} "
            "annotations fit [x1, y1, x2, y2] instead: write the boxes anew"
        )


def _is_of_corners(row: Mapping[str, object]) -> bool | None:
    """Tell what the polygons or the area of an annotation show of its box, None if nothing."""
    box, polygons = row.get("bbox"), row.get("segmentation")
    if not isinstance(box, list) or len(box) != 4:
        return None
    try:
        x, y, right, bottom = (as_number(value, "") for value in box)
        sized, corners = [x, y, x + right, y + bottom], [x, y, right, bottom]
        if isinstance(polygons, list) and polygons:
            outline = box_round_polygons(polygons, "")
            fits = [_off(way, outline) <= _OFF_PX for way in (sized, corners)]
        else:
            area = as_number(row.get("area"), "")
            fits = [
                abs(_area(way) - area) <= _OFF_SHARE * area and area > 0 for way in (sized, corners)
            ]
    except AnnotationError:  # no such box, polygons or area
        return None
    return fits[1] if fits[0] != fits[1] else None


def _off(first: Box, second: Box) -> float:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
