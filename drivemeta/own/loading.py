"""A base from wherever it lies: the shipped one, weights, or a file that `base import` wrote."""

from __future__ import annotations

from pathlib import Path

from drivemeta.errors import ModelFileError
from drivemeta.export.restore import restore
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base as load_shipped
from drivemeta.models.store import load_detector
from drivemeta.plugins.registry import Registry
from drivemeta.runtime.model_file import read_model_file


def load_base(path: str | Path | None = None, registry: Registry | None = None) -> TwoLevelDetector:
    """Return a base detector, in evaluation mode.

    Args:
        path: Weights (`.safetensors`) or a base with a detector of your own (`.onnx`); None for
            the shipped base.
        registry: Plugins that level 1 is found among; those of `default_registry` by default.

    Raises:
        ModelFileError: the file is missing, damaged, or no base.
    """
    if path is None:
        return load_shipped(registry)
    path = Path(path)
    if path.suffix != ".onnx":
        return load_detector(path, registry)
    manifest = read_model_file(path).manifest
    if manifest.own is None or any(entry.origin == "novel" for entry in manifest.classes):
        what = "a model that was adapted" if manifest.own else "a model without one"
        raise ModelFileError(
            f"expected a base that `drivemeta base import` wrote, found {what} in {path}; to add "
            "classes to a model use `drivemeta adapt --from`"
        )
    return restore(load_shipped(registry), path)
