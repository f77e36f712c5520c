"""LabelMe: a JSON file for each image."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path, PureWindowsPath
from typing import Any

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import find_image, image_size, read_json
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.labelme_shapes import labelme_boxes
from drivemeta.data.readers.parsed import ParsedImage, assemble, split_of
from drivemeta.errors import AnnotationError


def read_labelme(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of LabelMe JSON files, or a single one.

    Rectangles and the boxes around polygons and circles are taken; shapes of one label and group
    are one object. Other shapes are refused rather than passed over. Where the image file is gone
    and the JSON holds it (`imageData`), that one is used.

    Args:
        path: the folder, or one JSON file.
        images: folder of the images, if they do not lie beside the JSON files.

    Raises:
        AnnotationError: a file is no LabelMe JSON, a shape is no rectangle, polygon or circle,
            or an image is missing; names the file and the shape.
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
