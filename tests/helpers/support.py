"""Support sets that a test writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from drivemeta.data.support import SupportSet

BOX = (60, 40, 48, 48)


def seen_again(support: SupportSet, *objects: int) -> SupportSet:
    """Return a support set of one box an image with the numbers of the objects that they show."""
    images = tuple(
        replace(image, objects=np.array([number], np.int64))
        for image, number in zip(support.images, objects, strict=True)
    )
    return SupportSet.of(replace(support.dataset, images=images))


def write_support(folder: Path, n: int, *names: str) -> SupportSet:
    """Write so many frames with one disc for each class, and their COCO file; return them read."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(n * len(names)):
        label = i % len(names)
        image = rng.integers(60, 120, (192, 256, 3), dtype=np.uint8)
        x, y, width, height = BOX
        centre = (x + width // 2, y + height // 2)
        cv2.circle(image, centre, width // 2, (20 + 200 * label, 40, 230 - 200 * label), -1)
        cv2.imwrite(str(folder / f"{i}.png"), image)
        images.append({"id": i, "file_name": f"{i}.png", "height": 192, "width": 256})
        annotations.append(
            {"id": i, "image_id": i, "category_id": label, "bbox": BOX, "area": 48 * 48}
        )
    categories = [{"id": i, "name": name} for i, name in enumerate(names)]
    path = folder / "support.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return SupportSet.from_coco(path)
