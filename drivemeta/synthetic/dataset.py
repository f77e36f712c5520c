"""Synthetic frames as a COCO data set on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from drivemeta.core import SUPER_CLASSES
from drivemeta.core.boxes import xyxy_to_xywh
from drivemeta.core.coco import coco_row
from drivemeta.errors import OutputError
from drivemeta.files import write_bytes, write_text
from drivemeta.synthetic.pen import Image
from drivemeta.synthetic.pictograms import CATALOGUE
from drivemeta.synthetic.render import SyntheticFrame, render
from drivemeta.synthetic.scene import Plan, Scene


@dataclass(frozen=True)
class CocoOptions:
    """What is written.

    Attributes:
        size: Height and width of the images in pixels.
        pictograms: `train`, `demo`, or names of sign classes.
        leaves: Whether signs are annotated by their sign class, not by their super-class.
        only: Classes that are annotated; None for all.
        frames: Images taken from each scene, half a second apart.
        suffix: `.png` or `.jpg`.
        split: Part of the images that are marked as `val`; the rest are `train`.
        plan: Plan of the scenes.
    """

    size: tuple[int, int] = (360, 640)
    pictograms: str | tuple[str, ...] = "train"
    leaves: bool = True
    only: tuple[str, ...] | None = None
    frames: int = 1
    suffix: str = ".jpg"
    split: float = 0.0
    plan: Plan | None = None


def write_coco(
    folder: str | Path, n: int, seed: int = 0, options: CocoOptions | None = None
) -> Path:
    """Render n images, each of another scene, and annotate them.

    The objects that are tiny or mostly hidden are marked `iscrowd`, which readers ignore. Each
    annotation also holds `visible`, `track_id` and, for traffic lights, `state`.

    Args:
        folder: Folder that gets `images/` and `annotations.json`; made if it is absent.
        n: Number of images.
        seed: Seed of the first scene; each further scene has the next one.
        options: Options of the data set.

    Returns:
        The path of the JSON file.

    Raises:
        OutputError: the folder cannot be written.
    """
    options = options or CocoOptions()
    frames = []
    for i in range(n):
        scene, step = _scene(seed, i, options)
        frames.append((f"{seed + i // options.frames:06d}_{step:03d}", render(scene, step)))
        _write_image(Path(folder) / "images", frames[-1][0] + options.suffix, frames[-1][1].image)
        frames[-1] = (frames[-1][0], _without_image(frames[-1][1]))
    return write_annotations(Path(folder) / "annotations.json", frames, options)


def write_frames(
    folder: str | Path, frames: Sequence[tuple[str, SyntheticFrame]], options: CocoOptions
) -> Path:
    """Write frames that are already rendered; see `write_coco`.

    Args:
        folder: Folder that gets `images/` and `annotations.json`.
        frames: Names, without suffix, and frames.
        options: Options of the data set; those of rendering are not used.
    """
    for name, frame in frames:
        _write_image(Path(folder) / "images", name + options.suffix, frame.image)
    return write_annotations(Path(folder) / "annotations.json", frames, options)


def write_annotations(
    path: Path, frames: Sequence[tuple[str, SyntheticFrame]], options: CocoOptions
) -> Path:
    """Write the COCO JSON of frames whose images are in `images/` beside it."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names = (*SUPER_CLASSES, *(CATALOGUE if options.leaves else ()))
    if options.only is not None:
        names = tuple(name for name in names if name in options.only)
    for i, (name, frame) in enumerate(frames):
        is_val = (i * 7919) % 1000 < 1000 * options.split
        height, width = options.size if frame.image.size == 0 else frame.image.shape[:2]
        images.append({
            "id": i + 1, "file_name": name + options.suffix, "width": width, "height": height,
            "split": "val" if is_val else "train",
        })  # fmt: skip
        annotations += _rows(frame, i, names, leaves=options.leaves)
    for number, row in enumerate(annotations):
        row["id"] = number + 1
    used = {row["category_id"] for row in annotations}
    categories = [
        {
            "id": i + 1,
            "name": name,
            "supercategory": name if name in SUPER_CLASSES else "traffic_sign",
        }
        for i, name in enumerate(names)
        if i + 1 in used or name in SUPER_CLASSES or options.only is not None
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(path, json.dumps(content))
    return path


def _scene(seed: int, i: int, options: CocoOptions) -> tuple[Scene, int]:
    scene = Scene(seed + i // options.frames, options.size, options.pictograms, options.plan)
    return scene, (i % options.frames) * max(1, round(scene.plan.fps / 2))


def _without_image(frame: SyntheticFrame) -> SyntheticFrame:
    return SyntheticFrame(
        frame.image[:0], frame.boxes, frame.names, frame.leaves, frame.ids, frame.visible
    )


def _rows(
    frame: SyntheticFrame, image: int, names: tuple[str, ...], *, leaves: bool
) -> list[dict[str, Any]]:
    rows = []
    clear = frame.clear
    for i, box in enumerate(xyxy_to_xywh(frame.boxes)):
        name, leaf = frame.names[i], frame.leaves[i]
        if leaves and name == "traffic_sign" and leaf is not None:
            name = leaf
        if name not in names:
            continue
        row: dict[str, Any] = {
            **coco_row(image, names.index(name), box),
            "area": round(float(box[2] * box[3]), 2),
            "iscrowd": int(not clear[i]),
            "visible": round(float(frame.visible[i]), 3),
            "track_id": int(frame.ids[i]),
        }
        if name == "traffic_light":
            row["state"] = leaf
        rows.append(row)
    return rows


def _write_image(folder: Path, name: str, image: Image) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if name.endswith(".jpg") else []
    done, data = cv2.imencode(Path(name).suffix, image, quality)
    if not done:
        raise OutputError(f"cannot encode {name}; use the suffix .png or .jpg")
    write_bytes(folder / name, data.tobytes())
