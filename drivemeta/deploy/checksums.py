"""SHA-256 sums of a folder's files, in the form that `sha256sum -c` reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from drivemeta.errors import ModelFileError

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def write_checksums(folder: Path, left_out: Iterable[str] = ()) -> None:
    """Write the sums of all files of a folder, but for some that users edit."""
    skipped = {NAME, *left_out}
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    names = [p.relative_to(folder).as_posix() for p in files]
    lines = [f"{_sum(folder / name)}  {name}\n" for name in names if name not in skipped]
    (folder / NAME).write_text("".join(lines), encoding="utf-8")


def check_checksums(folder: Path) -> int:
    """Compare all files with their sums; return how many there are.

    Raises:
        ModelFileError: the list is absent or damaged, or a file is absent or was changed.
    """
    try:
        lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(
            f"expected a folder written by `drivemeta deploy`, cannot read {folder / NAME}: {error}"
        ) from error
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ModelFileError(f"{folder / NAME}, line {number}: expected a sum and a file name")
        name = Path(match[2])
        if name.is_absolute() or ".." in name.parts:
            raise ModelFileError(f"{folder / NAME}, line {number}: {name} lies outside the folder")
        _compare(folder / name, match[1])
    if not lines:
        raise ModelFileError(f"{folder / NAME} lists no file")
    return len(lines)


def _compare(path: Path, expected: str) -> None:
    try:
        found = _sum(path)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    if found != expected:
        raise ModelFileError(
            f"{path} was changed: expected SHA-256 {expected[:12]}, found {found[:12]}; deploy the "
            "model again"
        )


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
