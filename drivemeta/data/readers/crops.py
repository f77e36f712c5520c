"""Plain crops: a folder a class, each picture one object and nothing else."""

from __future__ import annotations

from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import image_size
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.values import as_name
from drivemeta.errors import AnnotationError
from drivemeta.files import is_foreign, list_images

CROP = "crop"


def is_crop_folder(path: Path) -> bool:
    """Tell whether a folder holds pictures in sub-folders, and none itself."""
    return bool(_class_folders(path)) and not list_images(path)


def read_crops(path: str | Path) -> Dataset:
    """Read a folder of crops; the names of its sub-folders are the classes.

    Each picture is one box, as large as itself, and carries the attribute `crop`.

    Raises:
        AnnotationError: there is no sub-folder with pictures, or a picture cannot be read.
    """
    path = Path(path)
    folders = _class_folders(path)
    if not folders:
        raise AnnotationError(f"{path}: expected a folder of pictures for each class, found none")
    parsed = []
    for folder in folders:
        name = as_name(folder.name, f"{folder}: name of the folder")
        for file in list_images(folder):
            height, width = image_size(file)
            box = ParsedBox(f"{folder.name}/{file.name}", (0, 0, width, height), name)
            parsed.append(ParsedImage(file, None, [box], {CROP: True}))
    return dataset_of(parsed, path, ReaderFindings("crops"))


def _class_folders(path: Path) -> list[Path]:
    found = sorted(p for p in path.iterdir() if p.is_dir() and not is_foreign(p.name))
    return [folder for folder in found if list_images(folder)]
