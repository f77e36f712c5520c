"""Plugins of strangers, written into a folder."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

TRACKER = """
    class Still:
        def __init__(self, patience: int = 3, *, gate: float = 0.5) -> None:
            self.patience = patience
            self.gate = gate

        def update(self, detections, frame):
            return detections

        def reset(self) -> None:
            pass
"""

LEARNER = """
    from drivemeta.plugins import default_registry

    class Mine(default_registry().load("learner", "protonet")):
        pass
"""


def write_plugin(folder: Path, code: str = TRACKER, **manifest: object) -> Path:
    """Write a plugin and return its folder."""
    values = {
        "name": folder.name,
        "kind": "tracker",
        "entry": "module:Still",
        "api_version": 1,
        "summary": "Stands still.",
    }
    folder.mkdir(parents=True)
    (folder / "plugin.yaml").write_text(json.dumps(values | manifest))
    (folder / "module.py").write_text(textwrap.dedent(code))
    return folder
