"""Files: which are input, writing them whole or not at all, and reading YAML that may do harm."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from drivemeta.errors import ConfigError, InputError, OutputError

LOCK = ".lock"
IMAGE_SUFFIXES = (
    *(".bmp", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"),
)
# Of what FFmpeg reads as a video; the manifest of the source `file` lists the same.
VIDEO_SUFFIXES = (
    *(".264", ".265", ".3g2", ".3gp", ".asf", ".av1", ".avi", ".dav", ".divx", ".dv", ".f4v"),
    *(".flv", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg"),
    *(".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu", ".ogm"),
    *(".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
MOST_YAML_BYTES = 10_000_000
MOST_YAML_VALUES = 200_000  # their aliases written out
# The parser in C takes a tenth of the time. It crashes on a text that is nested too deeply, so that
# it gets those alone which have too few of the marks that nest.
_IN_C = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NESTING, _MOST_NESTING = "[{-:?", 500
# What systems and editors put beside one's own files: archives of macOS, network drives, bins.
_FOREIGN = frozenset(
    {
        "__macosx",
        "@eadir",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "ipynb_checkpoints",
        "lost+found",
        "system volume information",
    }
)


def check_folder(path: str | Path) -> Path:
    """Check that files can be written into a folder, one that is not there yet included.

    For what is written after long work, so that it fails at once if it must.

    Raises:
        OutputError: it, or what lies above it, is a file or may not be written.
    """
    there = next(each for each in (Path(path), *Path(path).absolute().parents) if each.exists())
    if not there.is_dir():
        raise OutputError(f"cannot make the folder {path}: {there} is a file")
    if not os.access(there, os.W_OK):
        raise OutputError(f"cannot write into the folder {path}: no permission to write in {there}")
    return Path(path)


@contextmanager
def new_folder(path: str | Path, wanted: str | Path | None = None) -> Iterator[Path]:
    """Make a folder, and those above it, to write into.

    Where something is raised, those that were made go again, unless something was written.

    Args:
        path: Folder.
        wanted: What is to be written, for the message; the folder if None.

    Raises:
        OutputError: it cannot be made.
    """
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot make the folder {path}: {error.strerror or error}"
        raise OutputError(f"cannot write {wanted}: {reason}" if wanted else reason) from error
    try:
        yield path
    except BaseException:
        for folder in made:
            with suppress(OSError):  # it holds something
                folder.rmdir()
        raise


@contextmanager
def run_folder(path: str | Path) -> Iterator[Path]:
    """Make a folder as `new_folder` does, for one run alone: see `locked`.

    Raises:
        InputError: another run is writing into it.
        OutputError: it cannot be made or written.
    """
    busy = f"another run is writing into {path}: wait for it, or give another --out"
    with new_folder(path) as folder, locked(folder / LOCK, busy):
        yield folder


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the system's lock on a hidden file that lies in a folder while it is held.

    A process that is killed holds none any more. Processes on other machines see it where the file
    system shares locks.

    Args:
        path: File of the lock; its folder is there.
        busy: Message where another holds it.

    Raises:
        InputError: another holds it.
        OutputError: the file cannot be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  (most commands need none)

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(busy) from error
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            path.unlink()
        lock.release()


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes the final name if nothing is raised.

    The folder is made if it is absent. Whatever happens, no half-written file stays, and no folder
    that was made for it in vain.

    Raises:
        OutputError: the folder or the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with new_folder(path.parent, path):
        try:
            yield partial
            os.replace(partial, path)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):  # it has its final name
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


def is_image(path: Path) -> bool:
    """Tell whether a file is an image by its suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_foreign(name: str) -> bool:
    """Tell whether a file or folder of that name is hidden, or a system's own, and no input.

    >>> [is_foreign(name) for name in ("._a.jpg", "__MACOSX", ".ipynb_checkpoints", "a.jpg")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in _FOREIGN


def list_files(
    folder: str | Path, suffixes: Collection[str] = (), *, nested: bool = False
) -> list[Path]:
    """Return the files of a folder that are input, sorted: no hidden and no foreign ones.

    Args:
        folder: Folder to look in; one that is absent or may not be read has no files.
        suffixes: Endings to take, in small letters; all if empty.
        nested: Whether folders in it count as well.

    Raises:
        InputError: one of those that have a wanted ending has a name that is no text.
    """
    found = sorted(_walk(Path(folder), tuple(suffixes), nested, frozenset()))
    for path in found if suffixes else ():
        check_name(path)
    return found


def check_name(path: str | Path) -> None:
    """Check that the name of a file or folder is text, as all that is written of it must be.

    Raises:
        InputError: its bytes are not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        name = os.fsencode(path)
        with suppress(UnicodeDecodeError):
            raise InputError(
                f"cannot read the name {name.decode()!a}: this system's locale is not UTF-8; set "
                "PYTHONUTF8=1 or LC_ALL=C.UTF-8"
            ) from error
        raise InputError(
            f"expected file names in UTF-8, found {name!r}: give it another name"
        ) from error


def list_images(folder: str | Path, *, nested: bool = False) -> list[Path]:
    """Return the image files of a folder, as `list_files` does."""
    return list_files(folder, IMAGE_SUFFIXES, nested=nested)


def _walk(
    folder: Path, suffixes: tuple[str, ...], nested: bool, above: frozenset[Path]
) -> Iterator[Path]:
    """Yield files; a folder that is linked into itself is entered once."""
    entries: list[Path] = []
    with suppress(OSError, ValueError):  # a name that is too long, or no name
        here = folder.resolve()
        if here in above:
            return
        entries = [path for path in folder.iterdir() if not is_foreign(path.name)]
    for path in entries:
        if path.is_dir():
            if nested:
                yield from _walk(path, suffixes, nested, above | {here})
        elif (not suffixes or path.suffix.lower() in suffixes) and path.is_file():
            yield path


def read_yaml(path: str | Path, what: str = "") -> Any:
    """Return what a YAML file holds, as plain values.

    Args:
        path: File.
        what: What it is to be, for messages ("the configuration").

    Raises:
        ConfigError: it cannot be read, is no YAML, is nested too deeply, or holds absurdly many
            values, as when aliases multiply.
    """
    path = Path(path)
    where = f"cannot read {what} {path}" if what else f"cannot read {path}"
    try:
        if path.stat().st_size > MOST_YAML_BYTES:
            raise ConfigError(f"{where}: expected at most {MOST_YAML_BYTES} bytes, found more")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {error}") from error
    return parse_yaml(text, where)


def parse_yaml(text: str, where: str) -> Any:
    """Return what a text of YAML holds; `where` begins the messages.

    Raises:
        ConfigError: as `read_yaml`.
    """
    try:
        flat = sum(map(text.count, _NESTING)) <= _MOST_NESTING
        loader = (_IN_C if flat else yaml.SafeLoader)(text)
        root = loader.get_single_node()
        n = _count(root, {}) if root is not None else 0
        if n > MOST_YAML_VALUES:
            raise ConfigError(
                f"{where}: expected at most {MOST_YAML_VALUES} values, found {n:.2g} once its "
                "aliases are written out"
            )
        return None if root is None else loader.construct_document(root)
    except RecursionError as error:
        raise ConfigError(f"{where}: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # dates and numbers that cannot be
        raise ConfigError(f"{where}: {error}") from error


def _count(node: yaml.Node, known: dict[int, float]) -> float:
    """Return how many values a node holds with its aliases written out: infinite for a circle."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = float("inf")  # while it is counted
    parts = node.value if isinstance(node, yaml.CollectionNode) else ()
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in parts for part in pair]
    known[id(node)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(node)]
