"""Upright boxes round the shapes that annotation tools draw; all in pixels, xyxy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from drivemeta.errors import AnnotationError

Box = list[float]


def box_round(points: Sequence[Sequence[float]]) -> Box:
    """Return the box round points (x, y)."""
    xs, ys = zip(*points, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def turned_box(box: Sequence[float], degrees: float) -> Box:
    """Return the upright box round a box that is turned about its centre.

    >>> [round(x, 6) for x in turned_box([0, 10, 20, 14], 90)]
    [8.0, 2.0, 12.0, 22.0]
    """
    left, top, right, bottom = box
    if degrees % 180 == 0:
        return [left, top, right, bottom]
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = right - left, bottom - top
    half = ((width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2)
    return _round_centre((left + right) / 2, (top + bottom) / 2, half)


def ellipse_box(centre: Sequence[float], radii: Sequence[float], degrees: float = 0) -> Box:
    """Return the box round an ellipse that is turned about its centre.

    >>> ellipse_box([10, 20], [3, 2])
    [7.0, 18.0, 13.0, 22.0]
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half = (
        math.hypot(radii[0] * cosine, radii[1] * sine),
        math.hypot(radii[0] * sine, radii[1] * cosine),
    )
    return _round_centre(centre[0], centre[1], half)


def mask_box(counts: Sequence[int], frame: Sequence[int], where: str) -> Box:
    """Return the box round the set pixels of CVAT's mask.

    Args:
        counts: Lengths of runs, row by row; the first is of pixels that are not set.
        frame: Left, top, width and height of the mask, in whole pixels.
        where: Who says so, for the message.

    Raises:
        AnnotationError: The runs do not fill the frame, or set no pixel.
    """
    left, top, width, height = frame
    if min(counts, default=-1) < 0 or min(width, height) < 1 or sum(counts) != width * height:
        raise AnnotationError(
            f"{where}: expected runs that fill a mask of {width}x{height} pixels, "
            f"found {len(counts)} of together {sum(counts)}"
        )
    ends = np.cumsum(np.array(counts, np.int64))
    runs = [(int(a), int(b)) for a, b in zip(ends[0::2], ends[1::2], strict=False) if b > a]
    if not runs:
        raise AnnotationError(f"{where}: the mask has no pixel")
    wraps = any(a // width != (b - 1) // width for a, b in runs)
    first = 0 if wraps else min(a % width for a, _ in runs)
    last = width if wraps else max((b - 1) % width for _, b in runs) + 1
    rows = runs[0][0] // width, (runs[-1][1] - 1) // width + 1
    return [float(left + first), float(top + rows[0]), float(left + last), float(top + rows[1])]


def _round_centre(x: float, y: float, half: tuple[float, float]) -> Box:
    return [x - half[0], y - half[1], x + half[0], y + half[1]]
