"""Few-shot perception for driving: adapt a detector from a few frames, export it, run it.

    import drivemeta as dm

    support = dm.SupportSet.from_coco("falling_rocks.json")
    adapted = dm.adapt(dm.load_base(), support, learner="protonet")
    adapted.export("falling_rocks.onnx")
    for frame, tracks in dm.process("drive.mp4", model="falling_rocks.onnx"):
        ...

Names are imported when they are first used, so that `import drivemeta` is cheap and the parts that
run exported models never load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drivemeta.adaptation.adapt import adapt
    from drivemeta.core import ClassBank, Detections, Frame, Tracks
    from drivemeta.data.support import SupportSet
    from drivemeta.errors import DriveMetaError
    from drivemeta.export import export_detector, verify_model
    from drivemeta.models.store import load_base
    from drivemeta.shipped import load_model
    from drivemeta.video.api import process

__version__ = "0.1.0"

_HOMES = {
    "ClassBank": "drivemeta.core",
    "Detections": "drivemeta.core",
    "DriveMetaError": "drivemeta.errors",
    "Frame": "drivemeta.core",
    "SupportSet": "drivemeta.data.support",
    "Tracks": "drivemeta.core",
    "adapt": "drivemeta.adaptation.adapt",
    "export_detector": "drivemeta.export",
    "load_base": "drivemeta.models.store",
    "load_model": "drivemeta.shipped",
    "process": "drivemeta.video.api",
    "verify_model": "drivemeta.export",
}

__all__ = [
    "ClassBank",
    "Detections",
    "DriveMetaError",
    "Frame",
    "SupportSet",
    "Tracks",
    "adapt",
    "export_detector",
    "load_base",
    "load_model",
    "process",
    "verify_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivemeta' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
