"""Boxes in the COCO format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def coco_row(image: int, label: int, xywh: Iterable[float]) -> dict[str, Any]:
    """Return an entry of COCO annotations or results, whose numbers begin at 1.

    Args:
        image: Index of the image, from 0.
        label: Index of the class, from 0.
        xywh: Left, top, width and height in pixels.

    >>> coco_row(0, 2, (1.0, 2.0, 30.123, 4.0))
    {'image_id': 1, 'category_id': 3, 'bbox': [1.0, 2.0, 30.12, 4.0]}
    """
    box = [round(float(side), 2) for side in xywh]
    return {"image_id": image + 1, "category_id": label + 1, "bbox": box}
