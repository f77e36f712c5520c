"""The shipped base as an ONNX file, made once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import platformdirs

import drivemeta
from drivemeta.errors import ModelFileError
from drivemeta.runtime.manifest import package_version


def base_onnx() -> Path:
    """Return the shipped base detector as ONNX, exporting it on first use.

    The file is kept by the digest of the weights and the version of the package.

    Raises:
        ModelFileError: the installation lacks its weights.
        OutputError: the cache folder cannot be written.
    """
    weights = Path(drivemeta.__file__).parent / "weights" / "base.safetensors"
    if not weights.is_file():
        raise ModelFileError(
            f"expected the shipped weights at {weights}, found no file; install drivemeta again"
        )
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("drivemeta")
    path = folder / f"base-{package_version('drivemeta')}-{digest}.onnx"
    if not path.is_file():
        # torch only where it is needed: a cached base starts in a fraction of a second
        from drivemeta.export.exporter import export_detector  # noqa: PLC0415
        from drivemeta.models.store import load_base  # noqa: PLC0415

        export_detector(load_base(), path)
    return path
