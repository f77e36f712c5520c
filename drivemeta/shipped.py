"""What ships: the base as an ONNX file, made once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import platformdirs

from drivemeta.errors import InputError, ModelFileError
from drivemeta.paths import BASE_WEIGHTS
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import package_version


def base_onnx(named: Sequence[str] = ()) -> Path:
    """Return the shipped base detector as ONNX, exporting it on first use.

    The file is kept by the digest of the weights, the version of the package and what is named.

    Args:
        named: Shipped banks whose classes it names below its own: `signs`, `vehicles`.

    Raises:
        InputError: no such bank ships.
        ModelFileError: the installation lacks its weights.
        OutputError: the cache folder cannot be written.
    """
    if not BASE_WEIGHTS.is_file():
        raise ModelFileError(
            f"expected the shipped weights at {BASE_WEIGHTS}, found none; install drivemeta again"
        )
    digest = hashlib.sha256(BASE_WEIGHTS.read_bytes()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("drivemeta")
    words = ["base", package_version("drivemeta"), digest, *sorted(set(named))]
    path = folder / ("-".join(words) + ".onnx")
    if not path.is_file():
        # torch only where it is needed: a cached base starts in a fraction of a second
        from drivemeta.banks.named import load_bank, with_named  # noqa: PLC0415
        from drivemeta.export.exporter import export_detector  # noqa: PLC0415
        from drivemeta.models.store import load_base  # noqa: PLC0415

        banks = [load_bank(name) for name in words[3:]]
        detector = load_base()
        export_detector(detector.with_(bank=reduce(with_named, banks, detector.bank)), path)
    return path


def load_model(
    path: str | Path | None = None, *, named: Sequence[str] = (), **options: Any
) -> OnnxDetector:
    """Load an exported model; options are those of `OnnxDetector`.

    Args:
        path: Model, or None for the shipped base, which is exported once on first use.
        named: Shipped banks whose classes the base names too: `signs`, `vehicles`.
        **options: `provider`, `allow_fallback`, `threads`, `max_batch`, `cuda_graph`,
            `denormal_as_zero`.
    """
    if path is None:
        path = base_onnx(named)
    elif named:
        raise InputError(f"banks are named by the shipped base only, found {path} beside {named}")
    return OnnxDetector(path, **options)
