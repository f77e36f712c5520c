"""Pascal VOC: an XML file for each image, as labelImg and exporters write it."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import parse_xml
from drivemeta.data.readers.finder import ImageFinder, finders_beside
from drivemeta.data.readers.parsed import (
    ParsedBox,
    ParsedImage,
    ReaderFindings,
    dataset_of,
    split_of,
)
from drivemeta.data.readers.shapes import turned_box
from drivemeta.data.readers.values import as_flag, as_name, as_number, as_size
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files, list_images

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_TURNED = ("cx", "cy", "w", "h", "angle")


def read_voc(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of Pascal VOC XML files, or a single one.

    Coordinates count from 1, as the format says, and include the last pixel. Objects marked
    `difficult` are to be ignored; roLabelImg's turned boxes (`robndbox`) give the upright boxes
    round them. An image beside the XML files that has none itself has no objects.

    Args:
        path: Folder that holds `Annotations/` and `JPEGImages/`, or XML files anywhere
            below it beside their images; or one XML file.
        images: Folder of the images, if they are elsewhere.

    Raises:
        AnnotationError: a file is no VOC annotation, an object lacks its name or box, or an
            image is missing; names the file and the object.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else list_files(root, (".xml",), nested=True)
    if not files:
        raise AnnotationError(f"{root}: expected Pascal VOC XML files, found none")
    finders = finders_beside(files, root, images)
    found = [_image(file, root, finders[file.parent]) for file in files]
    if not path.is_file():
        folders = sorted({image.path.parent for image in found})
        known = {image.path for image in found}
        bare = [p for folder in folders for p in list_images(folder) if p not in known]
        found += [ParsedImage(p, None, [], {}) for p in bare]
    renamed = [words for finder in finders.values() for words in finder.renamed]
    ordered = sorted(found, key=lambda image: image.path)
    return dataset_of(ordered, path, ReaderFindings("Pascal VOC", renamed=renamed))


def _image(path: Path, root: Path, finder: ImageFinder) -> ParsedImage:
    xml = parse_xml(path)
    if xml.tag != "annotation":
        raise AnnotationError(f"{path}: expected a Pascal VOC <annotation>, found <{xml.tag}>")
    file = finder.find((xml.findtext("filename") or "").strip(), str(path), stem=path.stem)
    size = as_size(xml.findtext("size/height"), xml.findtext("size/width"), str(path))
    boxes = [
        _box(path, number, element) for number, element in enumerate(xml.findall("object"), start=1)
    ]
    return ParsedImage(file, size, boxes, split_of(path, root))


def _box(path: Path, number: int, element: Element) -> ParsedBox:
    where = f"{path}: object {number}"
    name = as_name(element.findtext("name"), where)
    difficult = as_flag(element.findtext("difficult"), f"{where}: difficult")
    turned = element.find("robndbox")
    entry = f"{path.name} object {number}"
    if turned is not None:
        x, y, width, height, angle = _numbers(turned, _TURNED, where)
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        return ParsedBox(entry, turned_box(box, math.degrees(angle)), name, difficult, True)
    left, top, right, bottom = _numbers(element.find("bndbox"), _SIDES, where)
    return ParsedBox(entry, [left - 1, top - 1, right, bottom], name, difficult)


def _numbers(element: Element | None, names: tuple[str, ...], where: str) -> list[float]:
    """Return numbers of an object's box.

    Raises:
        AnnotationError: the box or one of them is missing, or no number.
    """
    if element is None:
        raise AnnotationError(
            f"{where}: expected a <name> and a <bndbox> of {', '.join(_SIDES)}, found no box"
        )
    return [as_number(element.findtext(name), f"{where}: {name}") for name in names]
