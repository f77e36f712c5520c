"""Pascal VOC: an XML file for each image, as labelImg and exporters write it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import of_no_use, parse_xml, unread_pictures
from drivemeta.data.readers.finder import ImageFinder, finders_beside
from drivemeta.data.readers.parsed import (
    ParsedBox,
    ParsedImage,
    ReaderFindings,
    dataset_of,
    split_of,
    without_annotations,
)
from drivemeta.data.readers.shapes import turned_box
from drivemeta.data.readers.values import as_flag, as_name, as_number, as_size
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files, list_images

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_TURNED = ("cx", "cy", "w", "h", "angle")


def read_voc(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of Pascal VOC XML files, or a single one.

    Coordinates count from 1, as the format says, and include the last pixel; or from 0, where a
    left or upper side of the set is below 1 or between two pixels, as many tools write. Objects
    marked `difficult` are to be ignored; roLabelImg's turned boxes (`robndbox`) give the upright
    boxes round them. An image beside the XML files that has none itself has no objects.

    Args:
        path: Folder that holds `Annotations/` and `JPEGImages/`, or XML files anywhere
            below it beside their images; or one XML file.
        images: Folder of the images, if they are elsewhere.

    Raises:
        AnnotationError: no file is a VOC annotation, an object lacks its name or box, or an
            image is missing; names the file and the object.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else list_files(root, (".xml",), nested=True)
    xmls = {file: parse_xml(file) for file in files}
    ours = {file: xml for file, xml in xmls.items() if xml.tag == "annotation"}
    if not ours:
        what = f"found <{xmls[files[0]].tag}> in {files[0].name}" if files else "found none"
        raise AnnotationError(f"{root}: expected Pascal VOC XML files (<annotation>), {what}")
    aside = of_no_use(files, ours, root, "Pascal VOC XML")
    finders = finders_beside(list(ours), root, images)
    zero = _counted_from_0(ours)
    first = 0 if zero else 1
    found = [
        _image(file, xml, finders[file.parent], split_of(file, root), first)
        for file, xml in ours.items()
    ]
    notes = [f"the coordinates count from 0, as {zero} shows"] if zero else []
    if not path.is_file():
        folders = sorted({image.path.parent for image in found})
        known = {image.path for image in found}
        bare = [p for folder in folders for p in list_images(folder) if p not in known]
        found += [ParsedImage(p, None, [], {}) for p in bare]
        notes += without_annotations(bare)
        aside += [left for folder in folders for left in unread_pictures(folder, root)]
    renamed = [words for finder in finders.values() for words in finder.renamed]
    ordered = sorted(found, key=lambda image: image.path)
    return dataset_of(ordered, path, ReaderFindings("Pascal VOC", aside, renamed, notes))


def _counted_from_0(xmls: Mapping[Path, Element]) -> str:
    """Return the place that shows that a set counts pixels from 0, empty if none does.

    Counted from 1, no left or upper side is below 1 or between two pixels.
    """
    for file, xml in xmls.items():
        for number, element in enumerate(xml.findall("object"), start=1):
            for name in _SIDES[:2]:
                side = element.findtext(f"bndbox/{name}") or ""
                if _is_from_0(side):
                    return f"{name} {side.strip()} of {file.name} object {number}"
    return ""


def _is_from_0(side: str) -> bool:
    try:
        pixels = as_number(side, "")
    except AnnotationError:  # told when its box is read
        return False
    return pixels < 1 or pixels != int(pixels)


def _image(
    path: Path, xml: Element, finder: ImageFinder, split: dict[str, str], first: int
) -> ParsedImage:
    file = finder.find((xml.findtext("filename") or "").strip(), str(path), stem=path.stem)
    size = as_size(xml.findtext("size/height"), xml.findtext("size/width"), str(path))
    boxes = [
        _box(path, number, element, first)
        for number, element in enumerate(xml.findall("object"), start=1)
    ]
    if not boxes and xml.find(".//bndbox") is not None:
        raise AnnotationError(f"{path}: expected <object> right in <annotation>, found it inside")
    return ParsedImage(file, size, boxes, split)


def _box(path: Path, number: int, element: Element, first: int) -> ParsedBox:
    where = f"{path}: object {number}"
    name = as_name(element.findtext("name"), where)
    difficult = as_flag(element.findtext("difficult"), f"{where}: difficult")
    turned = element.find("robndbox")
    entry = f"{path.name} object {number}"
    if turned is not None:
        x, y, width, height, angle = _numbers(turned, _TURNED, where)
        if min(width, height) <= 0:
            raise AnnotationError(
                f"{where}: expected w and h of more than 0, found {width:g} and {height:g}"
            )
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        return ParsedBox(entry, turned_box(box, math.degrees(angle)), name, difficult, True)
    if len(element.findall("bndbox")) > 1:
        raise AnnotationError(f"{where}: expected one <bndbox>, found several")
    left, top, right, bottom = _numbers(element.find("bndbox"), _SIDES, where)
    return ParsedBox(entry, [left - first, top - first, right, bottom], name, difficult)


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
