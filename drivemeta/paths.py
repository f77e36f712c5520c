"""Where shipped weights lie, and built-in plugins and configs: in the wheel or at the checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_WEIGHTS = _PACKAGE / "weights"

BASE_WEIGHTS = _WEIGHTS / "base.safetensors"
BASE_PLACES = _WEIGHTS / "places.safetensors"
NAMED_BANKS = _WEIGHTS / "banks"
REPLAY_WEIGHTS = _WEIGHTS / "replay.safetensors"
THING_BANKS = _WEIGHTS / "things"
THING_REPLAY = _WEIGHTS / "things_replay.safetensors"
THING_WEIGHTS = _WEIGHTS / "things.safetensors"
SCHEDULER_POLICY = _WEIGHTS / "scheduler.onnx"


def builtin_folder(name: str) -> Path:
    """Return the folder of the built-in `plugins` or `configs`."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name
