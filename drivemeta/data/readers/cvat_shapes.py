"""What CVAT's XML for images and for video have in common."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from drivemeta.data.readers.parsed import ParsedImage

SHAPES = ("box", "polygon")
_SIDES = ("xtl", "ytl", "xbr", "ybr")


def shape_xyxy(shape: Element) -> list[float]:
    """Return left, top, right, bottom of a shape in pixels.

    Raises:
        KeyError: it lacks coordinates.
        ValueError: they are no numbers.
    """
    if shape.tag == "box":
        return [float(shape.attrib[side]) for side in _SIDES]
    points = np.array([pair.split(",") for pair in shape.attrib["points"].split(";")], float)
    return [*points.min(0).tolist(), *points.max(0).tolist()]


def listed_classes(root: Element, images: Sequence[ParsedImage]) -> list[str]:
    """Return the labels of the task; if they do not cover those in use, all of both, sorted."""
    listed = [(e.text or "").strip() for e in root.findall("meta//labels/label/name")]
    used = {box.name for image in images for box in image.boxes}
    return list(dict.fromkeys(listed)) if used <= set(listed) else sorted(used | set(listed))
