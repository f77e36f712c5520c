"""Wheels and sdists hold the commit they were built from, which `drivemeta --version` tells."""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface[Any]):
    """Adds `drivemeta/COMMIT`; an sdist that is built from has it already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file, unless the checkout itself is installed, whose commit will change."""
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self.root)
        commit = runpy.run_path(str(root / "drivemeta" / "version.py"))["commit_of"](root)
        if commit and version != "editable":
            file = Path(self._folder.name, "COMMIT")
            file.write_text(f"{commit}\n", "utf-8")
            build_data["force_include"][str(file)] = "drivemeta/COMMIT"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove it."""
        self._folder.cleanup()
