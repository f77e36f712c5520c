"""The version, and the commit that it was made from where that is known."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__version__ = "0.2.0"

_COMMIT = Path(__file__).with_name("COMMIT")  # in a wheel or sdist: hatch_build.py writes it


def release() -> str:
    """Return the version with its commit, as in `0.2.0 (commit 1a2b3c4d5e6f)`, if that is known."""
    known = _COMMIT.read_text("utf-8").strip() if _COMMIT.is_file() else ""
    commit = known or commit_of(Path(__file__).parents[1])
    return f"{__version__} (commit {commit})" if commit else __version__


def commit_of(folder: Path) -> str:
    """Return the commit of a checkout of DriveMeta; empty if it is none or git does not tell.

    Args:
        folder: Root of the checkout.

    Returns:
        Twelve digits, and `, changed` if tracked files are not as they were committed.
    """
    project = folder / "pyproject.toml"
    if not (folder / ".git").exists() or not project.is_file():
        return ""
    if 'name = "drivemeta"' not in project.read_text("utf-8"):
        return ""  # it lies in a project of someone else's
    ask = ["git", "-C", str(folder), "describe", "--always", "--exclude=*", "--abbrev=12"]
    here = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        told = subprocess.run(
            [*ask, "--dirty=, changed"],
            env=here | {"GIT_OPTIONAL_LOCKS": "0"},  # in a hook of git, GIT_DIR is another's
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
