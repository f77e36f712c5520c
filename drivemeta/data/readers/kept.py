"""Pictures that annotations hold inside themselves or in a video, kept as files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from drivemeta.files import write_bytes
from drivemeta.paths import user_cache


def keep_picture(data: bytes, name: str) -> Path:
    """Write a picture into the user's cache folder, by its content, and return its path.

    Args:
        data: Bytes of an image file.
        name: File name, suffix included.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = user_cache() / "pictures"
    path = folder / hashlib.sha256(data).hexdigest()[:16] / Path(name).name
    return path if path.is_file() else write_bytes(path, data)
