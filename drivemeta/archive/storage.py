"""Where an archive lies: a folder, or a prefix of an object store, behind one face.

A file is there whole or not at all. What a file or an object store raises becomes one of
our errors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec

from drivemeta.errors import DriveMetaError, InputError, OutputError
from drivemeta.files import atomic_path


def reading(path: str) -> AbstractContextManager[None]:
    """Say of whatever a file or an object store raises what could not be read."""
    return _telling(f"cannot read {path}", InputError)


def writing(path: str) -> AbstractContextManager[None]:
    """Say of whatever a file or an object store raises what could not be written."""
    return _telling(f"cannot write {path}", OutputError)


@contextmanager
def _telling(what: str, kind: type[DriveMetaError]) -> Iterator[None]:
    try:
        yield
    except DriveMetaError:
        raise
    except Exception as error:
        raise kind(f"{what}: {_words(error)}") from error


class Storage:
    """A folder or a prefix.

    Args:
        place: Folder, or URL that fsspec knows.

    Attributes:
        place: Place as it was given.
        is_local: Whether it is a folder of this machine.

    Raises:
        InputError: no such URL can be opened.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        with reading(self.place):
            self.fs, self._root = fsspec.core.url_to_fs(self.place)
        self.is_local = "file" in self.fs.protocol

    def path(self, *parts: str) -> str:
        """Return a path in its file system."""
        return "/".join((self._root.rstrip("/"), *parts))

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None if there is none."""
        with reading(path):
            self.fs.invalidate_cache()
            if not self.fs.exists(path):
                return None
            return bytes(self.fs.cat_file(path))

    def read_all(self, paths: list[str]) -> dict[str, bytes]:
        """Return the bytes of files by their paths."""
        with reading(self.place):
            return dict(self.fs.cat(paths)) if paths else {}

    def find(self, path: str) -> dict[str, dict[str, Any]]:
        """Return the files below a path, by their paths, and what is known of each."""
        with reading(path):
            self.fs.invalidate_cache()
            return dict(self.fs.find(path, detail=True))

    def write(self, path: str, data: bytes) -> None:
        """Write a file whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        with writing(path):
            if self.is_local:
                with atomic_path(path) as partial:
                    partial.write_bytes(data)
            else:  # an object is there once all of it has arrived
                self.fs.pipe_file(path, data)

    def write_new(self, path: str, data: bytes) -> None:
        """Write a file unless there is one by now."""
        if not self.is_local:
            self.write(path, data)
            return
        file = Path(path)
        with writing(path):
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{file.name}.{os.getpid()}.part")
            try:
                partial.write_bytes(data)
                with suppress(FileExistsError):
                    os.link(partial, file)
            finally:
                partial.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is no trouble."""
        with writing(path), suppress(FileNotFoundError):
            self.fs.rm_file(path)


def _words(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).splitlines()[0]
