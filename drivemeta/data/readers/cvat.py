"""CVAT for images 1.1: one XML file for a task."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import find_image
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, assemble
from drivemeta.data.readers.voc import parse_xml
from drivemeta.errors import AnnotationError

_SIDES = ("xtl", "ytl", "xbr", "ybr")


def read_cvat(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a CVAT XML file ("CVAT for images 1.1"): boxes, and the boxes around polygons.

    Args:
        path: the XML file.
        images: folder of the images; if None, beside the XML or in `images/` beside it.

    Raises:
        AnnotationError: the file is no such XML, a shape lacks its label or coordinates, or an
            image is missing; names the file and the image.
    """
    path = Path(path)
    root = parse_xml(path)
    if root.tag != "annotations" or root.find("track") is not None:
        found = "tracks of a video" if root.find("track") is not None else f"<{root.tag}>"
        raise AnnotationError(
            f"{path}: expected the export 'CVAT for images 1.1', found {found}; "
            "export the task in that format, or as COCO"
        )
    folders = [Path(images)] if images is not None else [path.parent, path.parent / "images"]
    parsed = [_image(path, element, folders) for element in root.findall("image")]
    listed = [(e.text or "").strip() for e in root.findall("meta//labels/label/name")]
    used = {box.name for image in parsed for box in image.boxes}
    classes = list(dict.fromkeys(listed)) if used <= set(listed) else sorted(used | set(listed))
    return assemble(parsed, path, classes)


def _image(path: Path, element: Element, folders: list[Path]) -> ParsedImage:
    name = element.get("name", "")
    file = find_image(folders, name, f"{path}: image {element.get('id')}")
    boxes = []
    for number, shape in enumerate(element, start=1):
        if shape.tag not in {"box", "polygon"}:
            continue
        entry = f"image {name!r} {shape.tag} {number}"
        try:
            xyxy, label = _xyxy(shape), shape.attrib["label"]
            height, width = int(element.attrib["height"]), int(element.attrib["width"])
        except (KeyError, ValueError) as error:
            raise AnnotationError(
                f"{path}: {entry}: expected a label and numbers as coordinates ({error})"
            ) from error
        boxes.append(ParsedBox(entry, xyxy, label))
    height, width = int(element.get("height", 0)), int(element.get("width", 0))
    attributes = {"split": subset} if (subset := element.get("subset")) else {}
    return ParsedImage(file, (height, width), boxes, attributes)


def _xyxy(shape: Element) -> list[float]:
    """Return left, top, right, bottom of a shape in pixels."""
    if shape.tag == "box":
        return [float(shape.attrib[side]) for side in _SIDES]
    points = np.array([pair.split(",") for pair in shape.attrib["points"].split(";")], float)
    return [*points.min(0).tolist(), *points.max(0).tolist()]
