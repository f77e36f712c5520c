"""LabelMe: a JSON file for each image."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any

from supervision.dataset.formats.labelme import (
    SUPPORTED_SHAPE_TYPES,
    labelme_shapes_to_detections,
)

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import find_image, image_size, read_json
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, assemble, split_of
from drivemeta.errors import AnnotationError


def read_labelme(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of LabelMe JSON files, or a single one.

    Rectangles and the boxes around polygons are taken; shapes of one label and group are one
    object. Other shapes are refused rather than passed over.

    Args:
        path: the folder, or one JSON file.
        images: folder of the images, if they do not lie beside the JSON files.

    Raises:
        AnnotationError: a file is no LabelMe JSON, a shape is no rectangle or polygon, or an
            image is missing; names the file and the shape.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(root.rglob("*.json"))
    if not files:
        raise AnnotationError(f"{root}: expected LabelMe JSON files, found none")
    return assemble([_image(file, root, images) for file in files], path)


def is_labelme(content: object) -> bool:
    """Tell whether the content of a JSON file looks like LabelMe's."""
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content


def _image(path: Path, root: Path, images: str | Path | None) -> ParsedImage:
    content = read_json(path)
    if not is_labelme(content):
        raise AnnotationError(f"{path}: expected LabelMe's 'shapes' and 'imagePath', found neither")
    # LabelMe stores the path from where it was saved; only the file's own name can be relied on.
    name = PureWindowsPath(str(content["imagePath"])).name
    folders = [Path(images)] if images is not None else [path.parent, path.parent / "images"]
    if images is None:
        folders.append(path.parent.parent / "images")
    file = find_image(folders, name, str(path))
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        height, width = image_size(file)
    boxes = _boxes(path, content["shapes"], (width, height))
    return ParsedImage(file, (height, width), boxes, split_of(path, root))


def _boxes(path: Path, shapes: list[dict[str, Any]], size_wh: tuple[int, int]) -> list[ParsedBox]:
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    entries: dict[tuple[object, ...], str] = {}
    for number, shape in enumerate(shapes, start=1):
        label, kind, group = (
            shape.get("label"),
            shape.get("shape_type"),
            shape.get("group_id"),
        )
        if not isinstance(label, str) or not label.strip():
            raise AnnotationError(f"{path}: shape {number} has no label")
        if kind not in SUPPORTED_SHAPE_TYPES:
            raise AnnotationError(
                f"{path}: shape {number} ({label!r}): expected a rectangle or a polygon, "
                f"found a {kind}; redraw or remove it"
            )
        key: tuple[object, ...] = (label, group is None, number if group is None else group)
        groups.setdefault(key, []).append(shape)
        entries.setdefault(key, f"{path.name} shape {number}")
    boxes = []
    for key, members in groups.items():
        label = str(key[0])
        try:
            found = labelme_shapes_to_detections(members, {label: 0}, size_wh, with_masks=False)
        except ValueError as error:
            number_text = entries[key].removeprefix(path.name).strip()
            raise AnnotationError(f"{path}: {number_text}: {error}") from error
        boxes.append(ParsedBox(entries[key], found.xyxy[0].tolist(), label.strip()))
    return boxes
