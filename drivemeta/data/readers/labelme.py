"""LabelMe: a JSON file for each image."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import find_image, image_size, read_json
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, dataset_of, split_of
from drivemeta.errors import AnnotationError


def read_labelme(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of LabelMe JSON files, or a single one.

    Rectangles and the boxes around polygons and circles are taken; shapes of one label and group
    are one object. Other shapes are refused rather than passed over. Where the image file is gone
    and the JSON holds it (`imageData`), that one is used.

    Args:
        path: Folder, or one JSON file.
        images: Folder of the images, if they do not lie beside the JSON files.

    Raises:
        AnnotationError: a file is no LabelMe JSON, a shape is no rectangle, polygon or circle,
            or an image is missing; names the file and the shape.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(root.rglob("*.json"))
    if not files:
        raise AnnotationError(f"{root}: expected LabelMe JSON files, found none")
    return dataset_of([_image(file, root, images) for file in files], path)


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
    file = _picture(path, folders, name, content.get("imageData"))
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        height, width = image_size(file)
    boxes = labelme_boxes(path, content["shapes"])
    return ParsedImage(file, (height, width), boxes, split_of(path, root))


def _picture(path: Path, folders: list[Path], name: str, embedded: Any) -> Path:
    """Return the image file, else the image that the JSON itself holds."""
    try:
        return find_image(folders, name, str(path))
    except AnnotationError:
        if not isinstance(embedded, str) or not embedded:
            raise
    try:
        return keep_picture(base64.b64decode(embedded, validate=True), name)
    except binascii.Error as error:
        raise AnnotationError(
            f"{path}: the image {name!r} is missing, and 'imageData' is no base64 ({error})"
        ) from error


SHAPES = ("rectangle", "polygon", "circle")


def labelme_boxes(path: Path, shapes: list[dict[str, Any]]) -> list[ParsedBox]:
    """Return the boxes of LabelMe's shapes; shapes of one label and group are one object.

    Args:
        path: JSON file, for messages.
        shapes: Value of its `shapes`.

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
