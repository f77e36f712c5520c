"""Opening the files that annotations are in and that they name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from numpy.typing import NDArray

from drivemeta.core.pictures import PictureHeader, read_header, read_picture
from drivemeta.errors import AnnotationError

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def header_of(path: Path) -> PictureHeader:
    """Return what the header of an image says.

    Raises:
        AnnotationError: the file is no image.
    """
    try:
        return read_header(path)
    except ValueError as error:
        raise AnnotationError(f"{path}: expected an image, cannot read it: {error}") from error


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of an image as it is loaded, upright, from its header alone.

    Raises:
        AnnotationError: the file is no image.
    """
    return header_of(path).size


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
    data = read_bytes(path)
    try:
        return data.decode(_marked(data) or "utf-8")
    except UnicodeError as error:
        raise AnnotationError(f"{path}: expected a text file, cannot read it: {error}") from error


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        AnnotationError: it is missing or no JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: expected JSON, found a fault: {error}") from error


def parse_xml(path: Path) -> Element:
    """Return the root of an XML file, read by the encoding that it declares.

    Raises:
        AnnotationError: it is missing, no XML, or tries to expand entities.
    """
    data = read_bytes(path)
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
