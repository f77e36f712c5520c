"""Few-shot perception for driving: adapt a detector from a few frames, export it, run it.

    import drivemeta as dm

    support = dm.SupportSet.from_coco("falling_rocks.json")
    adapted = dm.adapt(dm.load_base(), support, learner="protonet")
    adapted.export("falling_rocks.onnx")
    for frame, tracks in dm.process("drive.mp4", model="falling_rocks.onnx"):
        ...

Names are imported when they are first used, so that `import drivemeta` is cheap and the parts that
run exported models never load torch, which is of the extra `adapt`.

ONNX Runtime's packages report to their maker from the moment they are imported, unless
`ORT_DISABLE_TELEMETRY` is set: it is set here, before any part of DriveMeta imports them.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from drivemeta.errors import adapting
from drivemeta.version import __version__ as __version__

if TYPE_CHECKING:
    from drivemeta.adaptation.adapt import adapt
    from drivemeta.adaptation.adapted import Adapted
    from drivemeta.core import ClassBank, Detections, Frame, Tracks
    from drivemeta.data.support import SupportSet
    from drivemeta.errors import DriveMetaError, InputError
    from drivemeta.export.exporter import ExportOptions, export_detector
    from drivemeta.export.verify import verify_model
    from drivemeta.own.importing import ImportOptions, import_base
    from drivemeta.own.loading import load_base
    from drivemeta.plugins import Registry, default_registry
    from drivemeta.runtime.batching import Batcher
    from drivemeta.runtime.detector import OnnxDetector
    from drivemeta.shipped import load_model
    from drivemeta.video.api import process
    from drivemeta.video.opening import open_source
    from drivemeta.video.options import Options
    from drivemeta.video.showing import DrawnFrame, show
    from drivemeta.video.summary import RunSummary

# `disable_telemetry_events` comes too late: the import itself opens a database and a connection.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "Adapted": "drivemeta.adaptation.adapted",
    "Batcher": "drivemeta.runtime.batching",
    "ClassBank": "drivemeta.core",
    "Detections": "drivemeta.core",
    "DrawnFrame": "drivemeta.video.showing",
    "DriveMetaError": "drivemeta.errors",
    "ExportOptions": "drivemeta.export.exporter",
    "Frame": "drivemeta.core",
    "ImportOptions": "drivemeta.own.importing",
    "InputError": "drivemeta.errors",
    "OnnxDetector": "drivemeta.runtime.detector",
    "Options": "drivemeta.video.options",
    "Registry": "drivemeta.plugins",
    "RunSummary": "drivemeta.video.summary",
    "SupportSet": "drivemeta.data.support",
    "Tracks": "drivemeta.core",
    "adapt": "drivemeta.adaptation.adapt",
    "default_registry": "drivemeta.plugins",
    "export_detector": "drivemeta.export.exporter",
    "import_base": "drivemeta.own.importing",
    "load_base": "drivemeta.own.loading",
    "load_model": "drivemeta.shipped",
    "open_source": "drivemeta.video.opening",
    "process": "drivemeta.video.api",
    "show": "drivemeta.video.showing",
    "verify_model": "drivemeta.export.verify",
}

__all__ = [
    "Adapted",
    "Batcher",
    "ClassBank",
    "Detections",
    "DrawnFrame",
    "DriveMetaError",
    "ExportOptions",
    "Frame",
    "ImportOptions",
    "InputError",
    "OnnxDetector",
    "Options",
    "Registry",
    "RunSummary",
    "SupportSet",
    "Tracks",
    "adapt",
    "default_registry",
    "export_detector",
    "import_base",
    "load_base",
    "load_model",
    "open_source",
    "process",
    "show",
    "verify_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivemeta' has no attribute {name!r}")
    with adapting(f"drivemeta.{name}"):
        return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
