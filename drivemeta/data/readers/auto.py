"""Reading annotations without being told their format."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.coco import is_coco, read_coco
from drivemeta.data.readers.crops import is_crop_folder, read_crops
from drivemeta.data.readers.cvat import read_cvat
from drivemeta.data.readers.files import parse_xml, read_json
from drivemeta.data.readers.labelme import is_labelme, read_labelme
from drivemeta.data.readers.orientation import upright
from drivemeta.data.readers.reading import AS_IT_IS, Reading
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
    if path.is_dir():
        return stretched(upright(_read_folder(path, images, reading), reading), reading)
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AnnotationError(f"{path}: no such file or folder; {EXPECTED}{hint}")
    return stretched(upright(_read_file(path, images, reading), reading), reading)


def _read_file(path: Path, images: str | Path | None, reading: Reading) -> Dataset:
    match path.suffix.lower():
        case ".json":
            labelme = is_labelme(read_json(path))
            return read_labelme(path, images, reading) if labelme else read_coco(path, images)
        case ".xml":
            cvat = parse_xml(path).tag == "annotations"
            return read_cvat(path, images, reading) if cvat else read_voc(path, images)
        case ".yaml" | ".yml":
            return read_yolo(path, images, reading)
        case ".zip" | ".tar" | ".gz":
            raise AnnotationError(f"{path}: found an archive; unpack it and give what is inside")
    beside = [p.name for p in _candidates(path.parent)][:3]
    hint = f"; beside it lies {', '.join(beside)}" if beside else ""
    raise AnnotationError(f"{path}: {EXPECTED}, found a {path.suffix or 'nameless'} file{hint}")


def _read_folder(path: Path, images: str | Path | None, reading: Reading) -> Dataset:
    if any((path / name).is_file() for name in NAME_FILES):
        return read_yolo(path, images, reading)
    jsons = list_files(path, (".json",))
    cocos = [p for p in jsons if is_coco(read_json(p))]
    if len(cocos) == 1:
        return read_coco(cocos[0], images)
    if len(cocos) > 1:
        names = ", ".join(p.name for p in cocos)
        raise AnnotationError(f"{path}: found several COCO files ({names}); give one of them")
    xmls = list_files(path, (".xml",))
    if len(xmls) == 1 and parse_xml(xmls[0]).tag == "annotations":
        return read_cvat(xmls[0], images, reading)
    if xmls or list_files(path, (".xml",), nested=True):
        return read_voc(path, images)
    if jsons or list_files(path, (".json",), nested=True):
        return _read_nested_json(path, images, reading)
    if is_crop_folder(path):
        return read_crops(path)
    found = sorted({p.suffix or "folder" for p in path.iterdir()})
    what = f"files of {', '.join(found)}" if found else "an empty folder"
    raise AnnotationError(f"{path}: {EXPECTED}, found {what}")


def _read_nested_json(path: Path, images: str | Path | None, reading: Reading) -> Dataset:
    """Read LabelMe files anywhere below, or the one COCO file of a subfolder."""
    nested = list_files(path, (".json",), nested=True)
    cocos = [p for p in nested if is_coco(read_json(p))]
    if len(cocos) == 1:
        return read_coco(cocos[0], images)
    if cocos:
        names = ", ".join(str(p.relative_to(path)) for p in cocos)
        raise AnnotationError(f"{path}: found several COCO files ({names}); give one of them")
    return read_labelme(path, images, reading)


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield files beside a wrong one that may have been meant."""
    for path in list_files(folder):
        if path.name in NAME_FILES or path.suffix.lower() in {".json", ".xml"}:
            yield path
