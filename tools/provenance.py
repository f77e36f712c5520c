"""What a page says beside its figures: the command that made them, and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def command(arguments: Sequence[str] | None = None) -> str:
    """Return the command that runs this process, as it is typed at the root.

    Args:
        arguments: Words after the module's name; those of this process if None.
    """
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        raise RuntimeError("expected a tool run as `python -m tools...`, found a script")
    words = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["python", "-m", spec.name, *words])


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def machine() -> str:
    """Return what ran a measurement, in words."""
    torch = version("torch").split("+")[0]
    return f"{processor()}, {os.cpu_count()} cores, torch {torch}"
