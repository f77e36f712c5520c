"""From the torch detector to one ONNX file that explains itself.

Names are imported when they are first used: verifying a file needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drivemeta.export.exporter import ExportOptions, ExportReport, export_detector
    from drivemeta.export.verify import VerifyReport, verify_model

_HOMES = {
    "ExportOptions": "drivemeta.export.exporter",
    "ExportReport": "drivemeta.export.exporter",
    "VerifyReport": "drivemeta.export.verify",
    "export_detector": "drivemeta.export.exporter",
    "verify_model": "drivemeta.export.verify",
}

__all__ = [
    "ExportOptions",
    "ExportReport",
    "VerifyReport",
    "export_detector",
    "verify_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivemeta.export' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
