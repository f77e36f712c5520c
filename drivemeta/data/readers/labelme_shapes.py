"""LabelMe's shapes as boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from drivemeta.data.readers.parsed import ParsedBox
from drivemeta.errors import AnnotationError

SHAPES = ("rectangle", "polygon", "circle")


def labelme_boxes(path: Path, shapes: list[dict[str, Any]]) -> list[ParsedBox]:
    """Return the boxes of LabelMe's shapes; shapes of one label and group are one object.

    Args:
        path: the JSON file, for messages.
        shapes: its `shapes`.

    Raises:
        AnnotationError: a shape has no label, is of another kind, or its points are no points;
            names the file and the shape.
    """
    groups: dict[tuple[object, ...], tuple[str, str, list[float]]] = {}
    for number, shape in enumerate(shapes, start=1):
        label, group = shape.get("label"), shape.get("group_id")
        if not isinstance(label, str) or not label.strip():
            raise AnnotationError(f"{path}: shape {number} has no label")
        box = _box(f"{path}: shape {number} ({label!r})", shape)
        key = (label, group is None, number if group is None else group)
        if key in groups:
            old = groups[key][2]
            box = [*map(min, old[:2], box[:2]), *map(max, old[2:], box[2:])]
        entry = groups[key][0] if key in groups else f"{path.name} shape {number}"
        groups[key] = (entry, label.strip(), box)
    return [ParsedBox(entry, box, label) for entry, label, box in groups.values()]


def _box(where: str, shape: dict[str, Any]) -> list[float]:
    """Return left, top, right, bottom; points come in any order."""
    # Files of LabelMe before version 3.0 have no shape type: all is polygons there.
    kind = shape.get("shape_type") or "polygon"
    if kind not in SHAPES:
        raise AnnotationError(
            f"{where}: expected a rectangle, a polygon or a circle, found a {kind}; "
            "redraw or remove it"
        )
    try:
        points = np.array(shape.get("points"), np.float64)
    except (TypeError, ValueError):
        points = np.zeros(0)
    least = 3 if kind == "polygon" else 2
    fits = points.ndim == 2 and points.shape[1] == 2 and len(points) >= least
    if not fits or not np.isfinite(points).all():
        raise AnnotationError(
            f"{where}: expected {least} or more points [x, y], found {shape.get('points')}"
        )
    if kind == "circle":  # its centre, and a point on it
        radius = float(np.linalg.norm(points[1] - points[0]))
        points = np.stack([points[0] - radius, points[0] + radius])
    return [*points.min(0).tolist(), *points.max(0).tolist()]
