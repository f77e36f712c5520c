"""A model file tried in a process of its own, within limits of time and memory.

What a graph takes while it runs can be known from outside only where its shapes are constants
(`runtime.sizes`). So a file of unknown origin runs its probe here first: were it to take all memory
or never to end, a process is lost that holds nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from drivemeta.errors import DriveMetaError, ModelFileError
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file

TIMEOUT_S = 60
MOST_BYTES = 8 * 2**30
_ROOT = Path(__file__).parents[2]
_REFUSED = 3  # the exit code of a trial that ended with one of our errors


def try_out(path: str | Path, timeout_s: float = TIMEOUT_S, most_bytes: int = MOST_BYTES) -> None:
    """Run a model's probe on the CPU, in another process.

    Args:
        path: Model.
        timeout_s: Longest that it may take, in seconds.
        most_bytes: Most memory that it may take, where the system lets it be limited.

    Raises:
        ModelFileError: it takes more than it may, or does not run.
    """
    known = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, path, str(most_bytes)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, known))},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFileError(
            f"{path} was stopped after {timeout_s:g} s of running its probe, which takes a model "
            "of DriveMeta a second; do not use it"
        ) from error
    if done.returncode == _REFUSED:
        message = done.stderr.strip()
        raise ModelFileError(message if str(path) in message else f"{path}: {message}")
    if done.returncode:
        raise ModelFileError(
            f"{path} ended its process while running its probe with at most "
            f"{most_bytes / 2**30:.1f} GiB of memory (exit code {done.returncode}); do not use it"
        )


def _main(path: str, most_bytes: int) -> int:
    _limit_memory(most_bytes)
    try:
        probe = read_model_file(path).probe()
        OnnxDetector(path, provider="cpu")([probe.image()], min_score=probe.threshold)
    except DriveMetaError as error:
        sys.stderr.write(str(error))
        return _REFUSED
    return 0


def _limit_memory(most_bytes: int) -> None:
    """Keep this process below a number of bytes, and below half of the machine's memory."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    most = min(most_bytes, there // 2)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2])))
