"""What a run's results depend on, as short values that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

_ENDS = 1 << 20  # bytes hashed at either end of a video: a night of driving is not read twice


def run_identity(
    model: Path, source: str | Path, options: Any, sinks: Iterable[str]
) -> dict[str, Any]:
    """Return the identity of a run.

    Args:
        model: ONNX file; hashed whole.
        source: File (name, size, time of change, and a digest of its first and last MiB), a
            folder (the same of each file in it, without digests), `NAME:` and either of them, or
            an address as it is.
        options: Dataclass of JSON values; its `settings` are kept as a
            digest, its `workers` are left out.
        sinks: Names of the sink plugins.
    """
    if not is_dataclass(options) or isinstance(options, type):
        raise TypeError(f"options must be a dataclass, found {type(options).__name__}")
    values = asdict(options)
    values.pop("workers", None)  # changes when frames are done, not what comes of them
    settings = values.pop("settings", {})  # may hold a password, so a digest of them is kept
    return {
        "model": file_digest(model),
        "input": _place(source),
        "options": values,
        "settings": _hashed(json.dumps(settings, sort_keys=True, default=str).encode()),
        "sinks": list(sinks),
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(source: str | Path) -> str:
    path = Path(source)
    if path.is_dir():
        files = sorted(entry for entry in path.iterdir() if entry.is_file())
        return _hashed("\n".join(_stamp(file) for file in files).encode())
    if not path.is_file():
        name, _, rest = str(source).partition(":")
        return f"{name}:{_place(rest)}" if rest and Path(rest).exists() else str(source)
    with path.open("rb") as file:
        ends = file.read(_ENDS)
        file.seek(max(0, path.stat().st_size - _ENDS))
        ends += file.read(_ENDS)
    return _hashed(_stamp(path).encode() + ends)


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
