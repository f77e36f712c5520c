"""Where shipped weights lie, built-in plugins and configs, and what is kept for the user."""

from __future__ import annotations

import os
import stat
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from drivemeta.errors import OutputError

_PACKAGE = Path(__file__).parent
_WEIGHTS = _PACKAGE / "weights"

BASE_WEIGHTS = _WEIGHTS / "base.safetensors"
BASE_PLACES = _WEIGHTS / "places.safetensors"
INT8_RANGES = _WEIGHTS / "int8_ranges.json"
NAMED_BANKS = _WEIGHTS / "banks"
REPLAY_WEIGHTS = _WEIGHTS / "replay.safetensors"
THING_REPLAY = _WEIGHTS / "things_replay.safetensors"
THING_WEIGHTS = _WEIGHTS / "things.safetensors"
TRACED_NETWORKS = _WEIGHTS / "networks.safetensors"
SCHEDULER_POLICY = _WEIGHTS / "scheduler.onnx"


def builtin_folder(name: str) -> Path:
    """Return the folder of the built-in `plugins` or `configs`."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name


def user_cache() -> Path:
    """Return the user's cache folder; a temporary one where that cannot be written.

    Raises:
        OutputError: neither can be; the message names the remedy.
    """
    wanted = platformdirs.user_cache_path("drivemeta")
    return wanted if _can_be_written(wanted) else _temporary(wanted)


def _can_be_written(folder: Path) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK)


@cache
def _temporary(wanted: Path) -> Path:
    """Return a folder that is this user's alone: models are loaded from it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"drivemeta-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if hasattr(os, "getuid") and (
            not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077
        ):
            raise PermissionError(f"{folder} is not this user's alone")
    except OSError as error:
        raise OutputError(
            f"expected a folder for what is kept between runs, can write neither {wanted} nor a "
            f"temporary one ({error}); let XDG_CACHE_HOME name a folder that can be written"
        ) from error
    return folder
