"""Pascal VOC: an XML file for each image, as labelImg and exporters write it."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import find_image, image_size, list_images, read_text
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, dataset_of, split_of
from drivemeta.errors import AnnotationError

_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")


def read_voc(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a folder of Pascal VOC XML files, or a single one.

    Coordinates count from 1, as the format says. Objects marked `difficult` are to be ignored.
    An image beside the XML files that has none itself has no objects.

    Args:
        path: Folder that holds `Annotations/` and `JPEGImages/`, or XML files anywhere below it
            beside their images; or one XML file.
        images: Folder of the images, if they are elsewhere.

    Raises:
        AnnotationError: a file is no VOC annotation, an object lacks its name or box, or an
            image is missing; names the file and the object.
    """
    path = Path(path)
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(root.rglob("*.xml"))
    if not files:
        raise AnnotationError(f"{root}: expected Pascal VOC XML files, found none")
    found = [_image(file, root, images) for file in files]
    if not path.is_file():
        folders = {image.path.parent for image in found}
        known = {image.path for image in found}
        bare = [p for folder in folders for p in list_images(folder) if p not in known]
        found += [ParsedImage(p, image_size(p), [], {}) for p in bare]
    return dataset_of(sorted(found, key=lambda image: image.path), path)


def parse_xml(path: Path) -> Element:
    """Return the root of an XML file.

    Raises:
        AnnotationError: it is missing, no XML, or tries to expand entities.
    """
    text = read_text(path)
    try:
        root: Element = fromstring(text)
    except (ParseError, ValueError, DefusedXmlException) as error:
        raise AnnotationError(f"{path}: expected XML, found a fault: {error}") from error
    return root


def _image(path: Path, root: Path, images: str | Path | None) -> ParsedImage:
    xml = parse_xml(path)
    if xml.tag != "annotation":
        raise AnnotationError(f"{path}: expected a Pascal VOC <annotation>, found <{xml.tag}>")
    file = _file(path, root, xml, images)
    size = _size(xml) or image_size(file)
    boxes = _boxes(path, xml, (size[1], size[0]))
    return ParsedImage(file, size, boxes, split_of(path, root))


def _file(path: Path, root: Path, xml: Element, images: str | Path | None) -> Path:
    """Return the image: by the name in the file, else by the name of the file."""
    folders = [Path(images)] if images is not None else [path.parent]
    if images is None:
        folders += [
            parent / name for parent in (path.parent.parent, root) for name in _IMAGE_FOLDERS
        ]
    name = (xml.findtext("filename") or "").strip()
    if not name or not Path(name).suffix:  # some tools leave the suffix or the name away
        for folder in folders:
            for candidate in list_images(folder) if folder.is_dir() else []:
                if candidate.stem in {name, path.stem}:
                    return candidate
    return find_image(folders, name or f"{path.stem}.jpg", str(path))


def _size(xml: Element) -> tuple[int, int] | None:
    """Return height and width in pixels, or None where the file does not tell."""
    try:
        height, width = (
            int(float(xml.findtext(f"size/{key}") or 0)) for key in ("height", "width")
        )
    except ValueError:
        return None
    return (height, width) if height > 0 and width > 0 else None


def _boxes(path: Path, xml: Element, size_wh: tuple[int, int]) -> list[ParsedBox]:
    # Only here: its import takes over a second.
    from supervision.dataset.formats.pascal_voc import (  # noqa: PLC0415
        detections_from_xml_obj,
    )

    boxes = []
    for number, element in enumerate(xml.findall("object"), start=1):
        entry = f"{path.name} object {number}"
        alone = Element("annotation")
        alone.append(element)
        for polygon in element.findall("polygon"):  # the box says it all; no mask is needed
            element.remove(polygon)
        try:
            found, names = detections_from_xml_obj(alone, [], size_wh)
        except ValueError as error:
            raise AnnotationError(
                f"{path}: object {number}: expected a <name> and a <bndbox> of xmin, ymin, xmax "
                f"and ymax ({error})"
            ) from error
        difficult = (element.findtext("difficult") or "0").strip() == "1"
        boxes.append(ParsedBox(entry, found.xyxy[0].tolist(), names[0].strip(), difficult))
    return boxes
