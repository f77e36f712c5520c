"""Finding and opening the files that annotations name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from drivemeta.errors import AnnotationError
from drivemeta.files import is_image

_ORIENTATION, _QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


def find_image(folders: Sequence[Path], name: str, entry: str) -> Path:
    """Return the image that an annotation names, from the first folder that has it.

    Args:
        folders: Folders to look in, best first.
        name: Name as annotated; a subfolder is tried first, then the bare file name.
        entry: Annotation that names it, for the message.

    Raises:
        AnnotationError: the name leaves its folder, or no folder has the image.
    """
    inner = PurePosixPath(name.replace("\\", "/"))
    if inner.is_absolute() or PureWindowsPath(name).drive or ".." in inner.parts:
        raise AnnotationError(
            f"{entry}: the file name {name!r} leads out of the folder of the images; "
            "expected a path inside it. Make the names relative, and give their folder as images"
        )
    for candidate in (inner, PurePosixPath(inner.name)):
        for folder in folders:
            path = folder / candidate
            if path.is_file():
                return path
    places = ", ".join(str(folder) for folder in folders)
    raise AnnotationError(
        f"{entry}: the image {name!r} is missing; looked in {places}. "
        "Give the folder of the images if they are elsewhere"
    )


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of an image as OpenCV loads it, from its header alone.

    Raises:
        AnnotationError: the file is no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise AnnotationError(f"{path}: expected an image, cannot read it: {error}") from error
    return (width, height) if turned else (height, width)


def list_images(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if is_image(path))


def read_text(path: Path) -> str:
    """Return the text of a file, with or without a byte order mark.

    Raises:
        AnnotationError: it is missing, or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise AnnotationError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: expected a text file, cannot read it: {error}") from error


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        AnnotationError: it is missing or no JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}: expected JSON, found a fault at {error}") from error


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return a (height, width, 3) uint8 BGR image.

    Raises:
        AnnotationError: the file is missing or no image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise AnnotationError(f"{path}: expected an image, cannot read it")
    return np.asarray(image, np.uint8)
