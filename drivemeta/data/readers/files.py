"""Opening the files that annotations are in and that they name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from numpy.typing import NDArray

from drivemeta.core.pictures import PictureHeader, read_header, read_picture
from drivemeta.data.dataset import SetAside
from drivemeta.errors import AnnotationError
from drivemeta.files import is_foreign, list_files

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
_NOT_READ = (
    *(".avif", ".dng", ".gif", ".heic", ".heif", ".jp2", ".jpe", ".jxl", ".mpo", ".pfm", ".tga"),
)
_LFS_HINT = "found a pointer of Git LFS, not the file itself; fetch it by git lfs pull"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def header_of(path: Path) -> PictureHeader:
    """Return what the header of an image says.

    Raises:
        AnnotationError: the file is no image.
    """
    try:
        return read_header(path)
    except ValueError as error:
        what = _LFS_HINT if path.is_file() and _is_pointer(read_bytes(path)) else str(error)
        raise AnnotationError(f"{path}: expected an image, cannot read it: {what}") from error


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of an image as it is loaded, upright, from its header alone.

    Raises:
        AnnotationError: the file is no image.
    """
    return header_of(path).size


def check_readable(folder: Path) -> None:
    """Refuse a folder of which a part may not be read: what is in it would be passed over.

    Raises:
        AnnotationError: It may not; names the part.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, NotADirectoryError | FileNotFoundError):
            raise AnnotationError(
                f"{error.filename}: cannot read the folder: {error.strerror or error}"
            ) from error

    for _, inner, _ in os.walk(folder, onerror=refuse):
        inner[:] = [name for name in inner if not is_foreign(name)]


def unread_pictures(folder: Path, root: Path, *, nested: bool = False) -> list[SetAside]:
    """Return the pictures of a folder that are of no kind that is read.

    Args:
        folder: Folder.
        root: Folder of the whole set.
        nested: Whether folders in it count as well.
    """
    return [
        SetAside(_inside(path, root), "the picture", f"{path.suffix} is not read: save it as PNG")
        for path in list_files(folder, _NOT_READ, nested=nested)
    ]


def of_no_use(
    files: Iterable[Path], ours: Container[Path], root: Path, what: str
) -> list[SetAside]:
    """Return the files of a folder that are not of the format that is read.

    Args:
        files: All files of its suffix.
        ours: Those of the format.
        root: Folder that their names are told from.
        what: What they would be, such as "Pascal VOC XML".
    """
    return [
        SetAside(str(file.relative_to(root)), "the file", f"it is no {what}")
        for file in files
        if file not in ours
    ]


def _inside(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        AnnotationError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise AnnotationError(f"{path}: no such file") from error
    except OSError as error:
        raise AnnotationError(f"{path}: cannot read it: {error.strerror or error}") from error


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        AnnotationError: it is missing, or not such text.
    """
    data = _unpacked(path)
    try:
        return data.decode(_marked(data) or "utf-8")
    except UnicodeError as error:
        raise AnnotationError(
            f"{path}: expected a text file, cannot read it: {error}; save it as UTF-8"
        ) from error


def read_json(path: Path) -> Any:
    """Return the content of a JSON file in UTF-8, UTF-16 or UTF-32.

    Raises:
        AnnotationError: it is missing or no JSON, or an object in it has a key twice.
    """
    try:
        return json.loads(_unpacked(path), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        lines = "; a file of JSON lines is not read" if "Extra data" in str(error) else ""
        raise AnnotationError(f"{path}: expected JSON, found a fault: {error}{lines}") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a key that stands twice, Python would take the last in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands twice in an object")
    return found


def _unpacked(path: Path) -> bytes:
    """Return the content of a file that is no archive.

    Raises:
        AnnotationError: it is missing, or an archive.
    """
    data = read_bytes(path)
    if data.startswith(_ARCHIVES):
        raise AnnotationError(f"{path}: found an archive; unpack it and give what is inside")
    if _is_pointer(data):
        raise AnnotationError(f"{path}: {_LFS_HINT}")
    return data


def _is_pointer(data: bytes) -> bool:
    return data.startswith(b"version https://git-lfs")


def parse_xml(path: Path) -> Element:
    """Return the root of an XML file, read by the encoding that it declares.

    Raises:
        AnnotationError: it is missing, no XML, or tries to expand entities.
    """
    data = _unpacked(path)
    declared = _DECLARED.match(data)
    encoding = _marked(data) or (declared[1].decode() if declared else "utf-8")
    try:
        root: Element = fromstring(data.decode(encoding))
    except LookupError as error:
        raise AnnotationError(
            f"{path}: its encoding {encoding!r} is unknown; save as UTF-8"
        ) from error
    except (ParseError, ValueError, RecursionError, DefusedXmlException) as error:
        raise AnnotationError(f"{path}: expected XML, found a fault: {error}") from error
    return root


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return a (height, width, 3) uint8 BGR image, upright.

    Raises:
        AnnotationError: the file is missing or no image.
    """
    image = read_picture(path)
    if image is None:
        raise AnnotationError(f"{path}: expected an image, cannot read it")
    return image


def _marked(data: bytes) -> str | None:
    """Return the encoding that a byte order mark tells."""
    return next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
