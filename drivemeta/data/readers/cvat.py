"""CVAT's XML: one file for a task, of images (version 1.1) or of a video."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.cvat_shapes import SHAPES, listed_classes, shape_xyxy
from drivemeta.data.readers.files import find_image
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, dataset_of
from drivemeta.data.readers.voc import parse_xml
from drivemeta.errors import AnnotationError


def read_cvat(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a CVAT XML file ("CVAT for images 1.1" or "CVAT for video 1.1").

    Boxes are taken, and the boxes around polygons. Of a video see `read_cvat_video`.

    Args:
        path: XML file.
        images: Folder of the images or of the video; if None, beside the XML or in `images/` beside
            it.

    Raises:
        AnnotationError: the file is no such XML, a shape lacks its label or coordinates, or an
            image is missing; names the file and the image.
    """
    path = Path(path)
    root = parse_xml(path)
    if root.tag != "annotations":
        raise AnnotationError(
            f"{path}: expected CVAT's <annotations>, found <{root.tag}>; export the task as "
            "'CVAT for images 1.1' or 'CVAT for video 1.1'"
        )
    if root.find("track") is not None:
        # Only here: it loads the video library.
        from drivemeta.data.readers.cvat_video import read_cvat_video  # noqa: PLC0415

        return read_cvat_video(path, root, images)
    folders = [Path(images)] if images is not None else [path.parent, path.parent / "images"]
    parsed = [_image(path, element, folders) for element in root.findall("image")]
    return dataset_of(parsed, path, listed_classes(root, parsed))


def _image(path: Path, element: Element, folders: list[Path]) -> ParsedImage:
    name = element.get("name", "")
    file = find_image(folders, name, f"{path}: image {element.get('id')}")
    boxes = []
    for number, shape in enumerate(element, start=1):
        if shape.tag not in SHAPES:
            continue
        entry = f"image {name!r} {shape.tag} {number}"
        try:
            xyxy, label = shape_xyxy(shape), shape.attrib["label"]
            height, width = int(element.attrib["height"]), int(element.attrib["width"])
        except (KeyError, ValueError) as error:
            raise AnnotationError(
                f"{path}: {entry}: expected a label and numbers as coordinates ({error})"
            ) from error
        boxes.append(ParsedBox(entry, xyxy, label))
    height, width = int(element.get("height", 0)), int(element.get("width", 0))
    attributes = {"split": subset} if (subset := element.get("subset")) else {}
    return ParsedImage(file, (height, width), boxes, attributes)
