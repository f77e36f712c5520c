"""The shapes of LabelMe and X-AnyLabeling, and the boxes round them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from drivemeta.data.dataset import SetAside
from drivemeta.data.readers.parsed import ParsedBox
from drivemeta.data.readers.reading import Reading
from drivemeta.data.readers.shapes import Box, box_round, ellipse_box
from drivemeta.data.readers.values import as_flag, as_id, as_name, as_number, short
from drivemeta.errors import AnnotationError

# Least number of points of each kind that has an area.
_LEAST = {
    "rectangle": 2,
    "polygon": 3,
    "circle": 2,
    "ellipse": 2,
    "mask": 2,
    "rotation": 3,
    "oriented_rectangle": 3,
    "rotated_rectangle": 3,
}
_ROUND = frozenset({"circle", "ellipse", "rotation", "oriented_rectangle", "rotated_rectangle"})
_NO_AREA = {
    "line": "a line has no box",
    "linestrip": "a line has no box",
    "polyline": "a line has no box",
    "point": "a point has no box",
    "points": "points have no box",
    "cuboid": "a cuboid is no box in the picture",
    "cuboid3d": "a cuboid is no box in the picture",
    "quadrilateral3d": "a cuboid is no box in the picture",
}


def labelme_boxes(
    path: Path, shapes: object, reading: Reading
) -> tuple[list[ParsedBox], list[SetAside]]:
    """Return the boxes of LabelMe's shapes, and what has none.

    Args:
        path: The JSON file, for messages.
        shapes: Its `shapes`.
        reading: Whether rectangles of one group are one object.

    Raises:
        AnnotationError: A shape has no label, is of an unknown kind, its points are no points, or
            rectangles of one group lie apart; names the file and the shape.
    """
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise AnnotationError(
            f"{path}: expected 'shapes', a list of objects, found {short(shapes)}"
        )
    groups: dict[object, ParsedBox] = {}
    aside: list[SetAside] = []
    for number, shape in enumerate(shapes, start=1):
        name = as_name(shape.get("label"), f"{path}: shape {number}: label")
        where = f"{path}: shape {number} ({name!r})"
        # Files of LabelMe before version 3.0 have no shape type: all is polygons there.
        kind = shape.get("shape_type") or "polygon"
        if isinstance(kind, str) and kind in _NO_AREA:
            aside.append(
                SetAside(path.name, f"shape {number} ({name!r}, a {kind})", _NO_AREA[kind])
            )
            continue
        ignore = as_flag(_difficult(shape), f"{where}: difficult")
        box = ParsedBox(
            f"{path.name} shape {number}", _box(where, kind, shape), name, ignore, kind in _ROUND
        )
        group = shape.get("group_id")
        key: object = number
        if group is not None and group != "" and reading.groups != "apart":
            key = (name, as_id(group, f"{where}: group_id"))
        groups[key] = _joined(where, groups.get(key), box, kind, reading)
    return list(groups.values()), aside


def _difficult(shape: dict[str, Any]) -> object:
    """Return X-AnyLabeling's flag, or one of that name among the user's own."""
    flags = shape.get("flags")
    return shape.get("difficult", flags.get("difficult") if isinstance(flags, dict) else None)


def _joined(
    where: str, first: ParsedBox | None, second: ParsedBox, kind: object, reading: Reading
) -> ParsedBox:
    """Return the one object that two shapes of a label and a group are.

    Contours of one group are the parts of one object, as LabelMe says. Rectangles that lie apart
    may as well be two objects: some tools number the groups of all shapes alike.
    """
    if first is None:
        return second
    a, b = first.xyxy, second.xyxy
    apart = a[0] > b[2] or b[0] > a[2] or a[1] > b[3] or b[1] > a[3]
    if apart and kind == "rectangle" and reading.groups is None:
        raise AnnotationError(
            f"{where}: rectangles of one label and one group_id lie apart: one object, or two? "
            "Say --read groups=one or --read groups=apart"
        )
    box = [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]
    return ParsedBox(
        first.entry,
        box,
        first.name,
        first.ignore or second.ignore,
        first.is_round or second.is_round,
    )


def _box(where: str, kind: object, shape: dict[str, Any]) -> Box:
    """Return left, top, right, bottom; points come in any order."""
    if not isinstance(kind, str) or kind not in _LEAST:
        raise AnnotationError(
            f"{where}: expected a shape of {', '.join(_LEAST)}, found {short(kind)}; "
            "redraw or remove it"
        )
    points = _points(where, shape.get("points"), _LEAST[kind])
    if kind == "circle":  # its centre, and a point on it
        radius = math.dist(points[0], points[1])
        return ellipse_box(points[0], (radius, radius))
    box = box_round(points)
    if kind == "mask":  # its first and last pixel
        return [box[0], box[1], box[2] + 1, box[3] + 1]
    return box


def _points(where: str, points: object, least: int) -> list[list[float]]:
    rows: list[object] = points if isinstance(points, list) else []
    found = [
        [as_number(x, f"{where}: points") for x in row]
        for row in rows
        if isinstance(row, list) and len(row) == 2
    ]
    if len(found) < max(least, len(rows)):
        raise AnnotationError(
            f"{where}: expected {least} or more points [x, y], found {short(points)}"
        )
    return found
