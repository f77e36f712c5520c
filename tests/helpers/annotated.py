"""Small annotated sets, written as tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from PIL import Image

SIZE = (80, 60)


def put(path: Path, content: str | bytes | dict[str, Any] | list[Any]) -> Path:
    """Write text, bytes, or a value as JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict | list):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def put_picture(
    path: Path, size: tuple[int, int] = SIZE, orientation: int = 1, seed: int | None = None
) -> Path:
    """Write a picture of noise, by its name another one, of a width and height as stored."""
    rng = np.random.default_rng(crc32(path.name.encode()) if seed is None else seed)
    exif = Image.Exif()
    exif[274] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def coco(*names: str, box: tuple[float, ...] = (10, 20, 30, 15), **more: Any) -> dict[str, Any]:
    """Return COCO with one box of `stop` in each named image of 80 by 60 pixels."""
    numbers = range(1, len(names) + 1)
    return {
        "images": [
            {"id": i, "file_name": name, "width": 80, "height": 60}
            for i, name in zip(numbers, names, strict=True)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": list(box), "iscrowd": 0, **more}
            for i in numbers
        ],
        "categories": [{"id": 1, "name": "stop"}],
    }
