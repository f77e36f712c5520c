"""Plain crops: a folder a class, each picture one object and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from drivemeta.data.dataset import Dataset, SetAside
from drivemeta.data.readers.files import image_size, unread_pictures
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.values import as_name
from drivemeta.errors import AnnotationError
from drivemeta.files import is_foreign, list_files, list_images

CROP = "crop"
# Names that folders of whole pictures have, in whatever data set.
_OF_PICTURES = re.compile(
    r"(images?|imgs?|jpegimages|pictures?|photos?|frames?|data|dataset|train|training|test|testing|"
    r"valid|val|validation|unlabell?ed|masks?|labels?|annotations?|default|rgb)([ _-]?\d+)?",
    re.IGNORECASE,
)
_OF_DATA = (
    *(".arrow", ".csv", ".ini", ".json", ".jsonl", ".mat", ".ndjson", ".parquet", ".record"),
    *(".tfrecord", ".tfrecords", ".tsv", ".txt", ".xml", ".yaml", ".yml"),
)
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|attribution|citation)", re.IGNORECASE)


def is_crop_folder(path: Path) -> bool:
    """Tell whether a folder holds pictures in sub-folders, and none itself."""
    return bool(_class_folders(path)) and not list_images(path)


def read_crops(path: str | Path, *, certain: bool = False) -> Dataset:
    """Read a folder of crops; the names of its sub-folders are the classes.

    Each picture is one box, as large as itself, and carries the attribute `crop`.

    Args:
        path: Folder.
        certain: Whether it is known to be of crops, whatever its folders are called and whatever
            else lies there.

    Raises:
        AnnotationError: there is no sub-folder with pictures, a picture cannot be read, or the
            folder looks like one of whole pictures whose annotations are not recognised.
    """
    path = Path(path)
    folders = _class_folders(path)
    if not folders:
        raise AnnotationError(f"{path}: expected a folder of pictures for each class, found none")
    if not certain:
        _check_of_crops(path, folders)
    parsed = []
    for folder in folders:
        name = as_name(folder.name, f"{folder}: name of the folder")
        for file in list_images(folder):
            height, width = image_size(file)
            box = ParsedBox(f"{folder.name}/{file.name}", (0, 0, width, height), name)
            parsed.append(ParsedImage(file, None, [box], {CROP: True}))
    aside = [
        SetAside(folder.name, "the folder", "it holds no picture that is read, itself")
        for folder in _sub_folders(path)
        if folder not in folders
    ]
    aside += [left for folder in folders for left in unread_pictures(folder, path)]
    return dataset_of(parsed, path, ReaderFindings("crops", aside))


def _check_of_crops(path: Path, folders: Sequence[Path]) -> None:
    """Refuse what would teach whole pictures as objects of a class called `images`."""
    data = [p for p in list_files(path, _OF_DATA, nested=True) if not _ABOUT.match(p.name)]
    named = [folder for folder in folders if _OF_PICTURES.fullmatch(folder.name)]
    if len(named) < len(folders):  # beside cars, trains may be trains
        named = [folder for folder in named if folder.name.lower() != "train"]
    if data:
        what = f"{data[0].relative_to(path)}, which may be annotations of a format not known"
    elif named:
        what = f"pictures in {named[0].name}, which is no name of a class"
    else:
        return
    raise AnnotationError(
        f"{path}: expected annotations of a known format (COCO, CVAT, Pascal VOC, LabelMe; YOLO "
        f"with its data.yaml or classes.txt), or a folder of crops for each class; found {what}. "
        "Say --read format=crops if each picture is one object of the class that its folder names"
    )


def _class_folders(path: Path) -> list[Path]:
    return [folder for folder in _sub_folders(path) if list_images(folder)]


def _sub_folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not is_foreign(p.name))
