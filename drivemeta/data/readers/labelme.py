"""LabelMe and X-AnyLabeling: a JSON file for each image."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import of_no_use, read_json
from drivemeta.data.readers.finder import ImageFinder, finders_beside
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.labelme_shapes import labelme_boxes
from drivemeta.data.readers.parsed import ParsedImage, ReaderFindings, dataset_of, split_of
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.values import as_size
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files

FORMAT = "LabelMe"


def read_labelme(
    path: str | Path, images: str | Path | None = None, reading: Reading = AS_IT_IS
) -> Dataset:
    """Read a folder of LabelMe JSON files, or a single one.

    Rectangles are taken, and the boxes around all shapes that have an area; contours of one label
    and group are one object. Lines and points are set aside, and so are other JSON files. Where
    the image file is gone and the JSON holds it (`imageData`), that one is used.

    Args:
        path: Folder, or one JSON file.
        images: Folder of the images, if they do not lie beside the JSON files.
        reading: Whether rectangles of one group are one object, see `Reading.groups`.

    Raises:
        AnnotationError: no file is LabelMe's, a shape is of an unknown kind, rectangles of one
            group lie apart, or an image is missing; names the file and the shape.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else list_files(root, (".json",), nested=True)
    contents = {file: read_json(file) for file in files}
    ours = {file: content for file, content in contents.items() if is_labelme(content)}
    if not ours:
        what = f"found {files[0].name} without 'shapes' and 'imagePath'" if files else "found none"
        raise AnnotationError(f"{root}: expected LabelMe JSON files, {what}")
    aside = of_no_use(files, ours, root, "LabelMe JSON")
    finders = finders_beside(list(ours), root, images)
    parsed = []
    for file, content in ours.items():
        boxes, left = labelme_boxes(file, content["shapes"], reading)
        aside += left
        picture = _picture(file, finders[file.parent], content)
        size = as_size(content.get("imageHeight"), content.get("imageWidth"), str(file))
        parsed.append(ParsedImage(picture, size, boxes, split_of(file, root)))
    renamed = [words for finder in finders.values() for words in finder.renamed]
    return dataset_of(parsed, path, ReaderFindings(FORMAT, aside, renamed))


def is_labelme(content: object) -> bool:
    """Tell whether the content of a JSON file looks like LabelMe's."""
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content


def _picture(path: Path, finder: ImageFinder, content: dict[str, Any]) -> Path:
    """Return the image file, else the image that the JSON itself holds."""
    embedded = content.get("imageData")
    try:
        return finder.find(content["imagePath"], str(path), stem=path.stem)
    except AnnotationError:
        if not isinstance(embedded, str) or not embedded:
            raise
    name = Path(str(content["imagePath"]).replace("\\", "/")).name or f"{path.stem}.png"
    try:
        data = base64.b64decode(embedded, validate=True)
    except ValueError as error:
        raise AnnotationError(
            f"{path}: the image {name!r} is missing, and 'imageData' is no base64 ({error})"
        ) from error
    return keep_picture(data, name)
