"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from drivemeta.errors import OutputError


def make_folder(path: Path) -> None:
    """Make the folder of a file that will be written after long work.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write the model to {path}: {error.strerror or error}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            partial.write_bytes(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write the model to {path}: {error.strerror or error}") from error
