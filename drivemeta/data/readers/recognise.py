"""Telling what annotations a folder holds, and refusing one that holds several kinds."""

from __future__ import annotations

from pathlib import Path

from drivemeta.data.readers.coco import is_coco
from drivemeta.data.readers.crops import is_crop_folder
from drivemeta.data.readers.files import parse_xml, read_json
from drivemeta.data.readers.labelme import is_labelme
from drivemeta.data.readers.reading import Reading
from drivemeta.data.readers.yolo_names import name_files
from drivemeta.data.readers.yolo_texts import looks_like_boxes
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files

ONE_FILE = ("coco", "cvat")  # formats of one file a set
_NAMES = {
    "coco": "COCO",
    "cvat": "CVAT",
    "labelme": "LabelMe",
    "voc": "Pascal VOC",
    "yolo": "YOLO",
    "crops": "crops",
}


def recognise(folder: Path, reading: Reading) -> tuple[str, list[Path]]:
    """Return the format of a folder's annotations, and the files that tell it.

    Returns:
        An empty text and no files if nothing is recognised.

    Raises:
        AnnotationError: Several formats are there, or several files of a format that has one
            a set, and nothing tells which to take.
    """
    found = {name: files for name, files in _formats(folder).items() if files}
    if reading.format is not None:
        return reading.format, _only(folder, reading.format, found.get(reading.format, []))
    if not found:
        return ("crops" if is_crop_folder(folder) else ""), []
    if len(found) > 1:
        each = [f"{_NAMES[name]} ({files[0].relative_to(folder)})" for name, files in found.items()]
        raise AnnotationError(
            f"{folder}: found {' and '.join(each)}, and nothing tells which of them are the "
            f"annotations; say {' or '.join(f'--read format={name}' for name in found)}"
        )
    name, files = next(iter(found.items()))
    return name, _only(folder, name, files)


def _only(folder: Path, name: str, files: list[Path]) -> list[Path]:
    if name in ONE_FILE and len(files) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in files)
        raise AnnotationError(
            f"{folder}: found several {_NAMES[name]} files ({names}); give one of them"
        )
    return files


def _formats(folder: Path) -> dict[str, list[Path]]:
    kinds = {
        path: _of_json(path) if path.suffix.lower() == ".json" else _of_xml(path)
        for path in list_files(folder, (".json", ".xml"), nested=True)
    }
    found = {
        name: [path for path, kind in kinds.items() if kind == name]
        for name in ("coco", "cvat", "labelme", "voc")
    }
    for name in ONE_FILE:
        found[name] = [path for path in found[name] if path.parent == folder] or found[name]
    names = name_files(folder)
    # A list of names alone, as labelImg keeps one beside any annotations, makes no YOLO.
    if names and any(found.values()):
        texts = list_files(folder, (".txt",), nested=True)
        names = names if any(map(looks_like_boxes, texts)) else []
    return {**found, "yolo": names}


def _of_json(path: Path) -> str:
    """Return the format of a JSON file, nothing if it is damaged: its reader says so."""
    try:
        content = read_json(path)
    except AnnotationError:
        return ""
    return "coco" if is_coco(content) else "labelme" if is_labelme(content) else ""


def _of_xml(path: Path) -> str:
    try:
        root = parse_xml(path).tag
    except AnnotationError:
        return ""
    return {"annotations": "cvat", "annotation": "voc"}.get(root, "")
