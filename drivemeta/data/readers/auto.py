"""Reading annotations without being told their format."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.coco import read_coco
from drivemeta.data.readers.crops import read_crops
from drivemeta.data.readers.cvat import read_cvat
from drivemeta.data.readers.files import check_readable, parse_xml, read_json
from drivemeta.data.readers.foreign import foreign_format
from drivemeta.data.readers.labelme import is_labelme, read_labelme
from drivemeta.data.readers.orientation import upright
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.recognise import recognise
from drivemeta.data.readers.stretch import stretched
from drivemeta.data.readers.voc import read_voc
from drivemeta.data.readers.yolo import NAME_FILES, read_yolo
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files

EXPECTED = (
    "expected a COCO json, a CVAT xml, or a folder in the format of YOLO (data.yaml), "
    "Pascal VOC (xml files) or LabelMe (json files), or of crops in a sub-folder a class"
)


def read_annotations(
    path: str | Path, images: str | Path | None = None, reading: Reading = AS_IT_IS
) -> Dataset:
    """Read annotations in whichever of the known formats they are; boxes are of upright pictures.

    Args:
        path: COCO or LabelMe JSON, CVAT or VOC XML, `data.yaml`, or a folder; one of plain crops
            has a sub-folder for each class.
        images: Folder of the images, if they are elsewhere.
        reading: How to read what can be read in two ways.

    Raises:
        AnnotationError: nothing is there, the format is unknown, or the annotations are invalid.
    """
    path = Path(path)
    if images is not None and not Path(images).is_dir():
        raise AnnotationError(f"{images}: expected the folder of the images, found no folder there")
    for folder in (path, *([Path(images)] if images is not None else [])):
        check_readable(folder)
    if path.is_dir():
        return stretched(upright(_read_folder(path, images, reading), reading), reading)
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AnnotationError(f"{path}: no such file or folder; {EXPECTED}{hint}")
    return stretched(upright(_read_file(path, images, reading), reading), reading)


def _read_file(path: Path, images: str | Path | None, reading: Reading) -> Dataset:
    name = _format_of(path)
    if reading.format not in (None, name):
        raise AnnotationError(f"{path}: expected {reading.format}, as --read says, found {name}")
    match name:
        case "coco":
            return read_coco(path, images)
        case "labelme":
            return read_labelme(path, images, reading)
        case "cvat":
            return read_cvat(path, images, reading)
        case "voc":
            return read_voc(path, images)
    return read_yolo(path, images, reading)


def _format_of(path: Path) -> str:
    match path.suffix.lower():
        case ".json":
            return "labelme" if is_labelme(read_json(path)) else "coco"
        case ".xml":
            return "cvat" if parse_xml(path).tag == "annotations" else "voc"
        case ".yaml" | ".yml" | ".names":
            return "yolo"
        case _ if path.name in NAME_FILES:
            return "yolo"
        case ".zip" | ".tar" | ".gz" | ".tgz" | ".bz2" | ".xz" | ".7z" | ".rar":
            raise AnnotationError(f"{path}: found an archive; unpack it and give what is inside")
    beside = [p.name for p in _candidates(path.parent)][:3]
    hint = f"; beside it lies {', '.join(beside)}" if beside else ""
    raise AnnotationError(f"{path}: {EXPECTED}, found a {path.suffix or 'nameless'} file{hint}")


def _read_folder(path: Path, images: str | Path | None, reading: Reading) -> Dataset:
    name, files = recognise(path, reading)
    match name:
        case "coco" if files:
            return read_coco(files[0], images)
        case "cvat" if files:
            return read_cvat(files[0], images, reading)
        case "yolo":
            return read_yolo(path, images, reading)
        case "voc":
            return read_voc(path, images)
        case "labelme":
            return read_labelme(path, images, reading)
        case "crops":
            return read_crops(path, certain=reading.format == "crops")
    raise AnnotationError(_nothing(path))


def _nothing(path: Path) -> str:
    """Return why a folder cannot be read: the first fault of its files, or what it holds."""
    for file in list_files(path, (".json", ".xml"), nested=True):
        try:
            is_json = file.suffix.lower() == ".json"
            what = foreign_format(read_json(file)) if is_json else f"<{parse_xml(file).tag}>"
        except AnnotationError as error:
            return str(error)
        return f"{file}: {EXPECTED}, found {what}"
    found = sorted({p.suffix or "folder" for p in path.iterdir()})
    what = f"files of {', '.join(found)}" if found else "an empty folder"
    return f"{path}: {EXPECTED}, found {what}"


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield files beside a wrong one that may have been meant."""
    for path in list_files(folder):
        if path.name in NAME_FILES or path.suffix.lower() in {".json", ".xml"}:
            yield path
