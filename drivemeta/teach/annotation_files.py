"""The annotations of a project in the formats of other tools: COCO, YOLO and CVAT."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from drivemeta.files import atomic_path, new_folder, write_text
from drivemeta.teach.saved import coco_of
from drivemeta.teach.state import Box, State

Facts = Callable[[str, int], dict[str, Any]]


def write_coco(folder: Path, state: State, facts: Facts, pictures: Path) -> Path:
    """Write `coco/annotations.json` with the pictures beside it; return its path.

    Args:
        folder: Folder that gets the folder of the format.
        state: What is annotated.
        facts: Function that returns `file_name`, `height` and `width` of a frame.
        pictures: Folder that the file names refer to.
    """
    out = folder / "coco"
    for place in _frames(state):
        _copy(pictures / facts(*place)["file_name"], out / "images" / _file(facts, place))
    whole = coco_of(state, lambda *place: {**facts(*place), "file_name": _file(facts, place)})
    return write_text(out / "annotations.json", json.dumps(whole, indent=1, ensure_ascii=False))


def write_yolo(folder: Path, state: State, facts: Facts, pictures: Path) -> Path:
    """Write `yolo/data.yaml` with `images` and `labels` beside it; return its path."""
    import yaml  # noqa: PLC0415

    out, labels = folder / "yolo", {name: label for label, name in enumerate(state.classes)}
    for place, boxes in _frames(state).items():
        said, name = facts(*place), _file(facts, place)
        _copy(pictures / said["file_name"], out / "images" / name)
        lines = [_yolo_line(box, labels[box.name], said) for box in boxes]
        write_text((out / "labels" / name).with_suffix(".txt"), "\n".join(lines) + "\n")
    head = {"path": ".", "train": "images", "val": "images", "names": list(state.classes)}
    text = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    return write_text(out / "data.yaml", text)


def write_cvat(folder: Path, state: State, facts: Facts, pictures: Path) -> Path:
    """Write `cvat/annotations.xml`, "CVAT for images 1.1", with `images`; return its path."""
    out, root = folder / "cvat", Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for name in state.classes:
        SubElement(SubElement(labels, "label"), "name").text = name
    for number, (place, boxes) in enumerate(_frames(state).items()):
        said, name = facts(*place), _file(facts, place)
        _copy(pictures / said["file_name"], out / "images" / name)
        size = {"width": str(said["width"]), "height": str(said["height"])}
        image = SubElement(root, "image", {"id": str(number), "name": name, **size})
        for box in boxes:
            corners = zip(("xtl", "ytl", "xbr", "ybr"), box.xyxy, strict=True)
            where = {key: f"{value:.2f}" for key, value in corners}
            SubElement(image, "box", {"label": box.name, "occluded": "0", **where})
    indent(root)
    text = tostring(root, encoding="unicode")
    return write_text(out / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')


WRITERS: Mapping[str, Callable[[Path, State, Facts, Path], Path]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "cvat": write_cvat,
}


def _frames(state: State) -> dict[tuple[str, int], list[Box]]:
    found: dict[tuple[str, int], list[Box]] = {}
    for box in sorted(state.boxes, key=lambda box: (box.clip, box.frame, box.id)):
        found.setdefault((box.clip, box.frame), []).append(box)
    return found


def _file(facts: Facts, place: tuple[str, int]) -> str:
    return Path(facts(*place)["file_name"]).name


def _yolo_line(box: Box, label: int, said: Mapping[str, Any]) -> str:
    left, top, right, bottom = box.xyxy
    width, height = said["width"], said["height"]
    x, y = (left + right) / 2 / width, (top + bottom) / 2 / height
    return f"{label} {x:.6f} {y:.6f} {(right - left) / width:.6f} {(bottom - top) / height:.6f}"


def _copy(source: Path, target: Path) -> None:
    with new_folder(target.parent), atomic_path(target) as partial:
        shutil.copyfile(source, partial)
