"""Folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivemeta.errors import InputError, OutputError
from drivemeta.files import locked, new_folder


@contextmanager
def whole_folder(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder beside `path` to write into; it takes the final name if nothing is raised.

    What a run that was killed left half done is cleared, and what it had put aside comes back.

    Raises:
        InputError: something is there and is not to be replaced, or another run is writing it.
        OutputError: it cannot be written.
    """
    path = Path(path)
    partial, old, lock = (path.with_name(f".{path.name}.{end}") for end in ("part", "old", "lock"))
    busy = f"another run is writing {path}: wait for it, or name another folder"
    with new_folder(path.parent, path), locked(lock, busy):
        try:
            _clear(path, partial, old)
            _check_free(path, replace=replace)
            partial.mkdir()
            yield partial
            if path.exists():
                os.replace(path, old)
            os.replace(partial, path)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            _clear(path, partial, old)


def _check_free(path: Path, *, replace: bool) -> None:
    there = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if there and not (replace and path.is_dir()):
        raise InputError(f"{path} is there already; name another folder, or say --replace")


def _clear(path: Path, partial: Path, old: Path) -> None:
    """Leave nothing but the folder, the one before where there is none."""
    if old.exists() and not path.exists():
        os.replace(old, path)
    for folder in (partial, old):
        shutil.rmtree(folder, ignore_errors=True)
