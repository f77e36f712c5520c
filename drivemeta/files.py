"""Files: which are images, and writing them so that they appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivemeta.errors import OutputError

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def is_image(path: Path) -> bool:
    """Tell whether a file is an image by its suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def make_folder(path: str | Path) -> Path:
    """Make a folder, and those above it, unless it is there; return its path.

    For what is written after long work, so that it fails at once if it must.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path}: {error.strerror or error}") from error
    return Path(path)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes the final name if nothing is raised.

    The folder is made if it is absent. Whatever happens, no half-written file stays.

    Raises:
        OutputError: the folder or the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # a folder that could not be made holds no file
            partial.unlink()


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a file whole or not at all; return its path.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(data)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text whole or not at all; return its path.

    Raises:
        OutputError: it cannot be written.
    """
    return write_bytes(path, text.encode("utf-8"))
