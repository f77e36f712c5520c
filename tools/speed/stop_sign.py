"""The Italian stop sign, by which the seconds of `drivemeta adapt` are taken."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from drivemeta.data.dataset import AnnotatedImage
from tools.fewshot.protocols import italy

SIGN = "FERMARSI E DARE PRECEDENZA"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of tools that adapt to it: `scenes`, `shots` and `runs`."""
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)


def write_support(folder: Path, arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Write the shots asked for as a COCO file; return it and the folder of its images."""
    path = _write(folder / "support.json", arguments.scenes, arguments.shots)
    return path, arguments.scenes / "italy" / "images"


def _write(path: Path, scenes: Path, shots: int) -> Path:
    """Write the first shots of the sign in half A as a COCO file; its other boxes are ignored."""
    draw = italy(scenes, "A").draw([shots], seed=0).supports[shots]
    label = draw.classes.index(SIGN)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in draw.images:
        mine = image.labels == label
        if not (mine & ~image.ignore).any():
            continue
        images.append({
            "id": len(images) + 1, "file_name": image.path.name,
            "height": image.size[0], "width": image.size[1],
        })  # fmt: skip
        annotations += _rows(image, mine, len(images), len(annotations))
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": SIGN}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _rows(image: AnnotatedImage, mine: Any, image_id: int, n_before: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for box, ignored in zip(image.boxes[mine], image.ignore[mine], strict=True):
        x1, y1, x2, y2 = (float(side) for side in box)
        rows.append({
            "id": n_before + len(rows) + 1, "image_id": image_id, "category_id": 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
            "iscrowd": int(ignored),
        })  # fmt: skip
    return rows
