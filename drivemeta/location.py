"""Where the built-in plugins and configs lie: inside the wheel, or at the checkout's root."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def builtin_folder(name: str) -> Path:
    """Return the folder of the built-in `plugins` or `configs`."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name
