"""Folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivemeta.errors import InputError, OutputError
from drivemeta.files import make_folder


@contextmanager
def whole_folder(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder beside `path` to write into; it takes the final name if nothing is raised.

    Raises:
        InputError: something is there and is not to be replaced.
        OutputError: it cannot be written.
    """
    path = Path(path)
    there = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if there and not (replace and path.is_dir()):
        raise InputError(f"{path} is there already; name another folder, or say --replace")
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        partial.mkdir()
        yield partial
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
    except OSError as error:
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for folder in (partial, old):
            shutil.rmtree(folder, ignore_errors=True)
