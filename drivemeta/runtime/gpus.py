"""Which NVIDIA GPUs the machine has, by `nvidia-smi`; nothing is loaded for it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import NamedTuple

TIMEOUT_S = 10


class Gpu(NamedTuple):
    """One GPU: its name, driver and memory as `nvidia-smi` prints them."""

    name: str
    driver: str
    memory: str


@cache
def nvidia_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs; none if there is no driver or it does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(done.stdout)


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """Read the lines of `nvidia-smi`.

    >>> parse_gpus("NVIDIA L4, 550.54.15, 23034 MiB")
    (Gpu(name='NVIDIA L4', driver='550.54.15', memory='23034 MiB'),)
    """
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return tuple(Gpu(*row) for row in rows if len(row) == len(Gpu._fields))
