"""Ranges of activations that ship: int8 of the base, and of what is adapted from it, at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from drivemeta.errors import ModelFileError
from drivemeta.export.precision.int8 import Ranges
from drivemeta.files import write_text
from drivemeta.paths import INT8_RANGES
from drivemeta.runtime.manifest import Manifest

DIGITS = 5  # significant ones of a range


def shipped_ranges(manifest: Manifest, path: Path = INT8_RANGES) -> dict[str, Ranges] | None:
    """Return the ranges of each network of a model, None if none ship for it.

    They do for networks of the shipped base, at the input sizes that they were measured at; not
    for a level 2 with a branch, nor for a base of one's own.

    Args:
        manifest: Manifest of the model.
        path: File that `write_ranges` wrote.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        weights, networks = held["weights"], dict(held["networks"])
        found = {
            name: {tensor: (float(low), float(high)) for tensor, (low, high) in ranges.items()}
            for name, ranges in networks.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"expected ranges of activations at {path}: {error}; install drivemeta again"
        ) from error
    size = level1_key(manifest.input.height, manifest.input.width)
    if manifest.digests.weights != weights or size not in found or manifest.own is not None:
        return None
    return {"level1": found[size], "level2": found["level2"], "things": found["things"]}


def write_ranges(
    path: Path, weights: str, frames: Mapping[str, int], networks: Mapping[str, Ranges]
) -> None:
    """Write ranges of activations.

    Args:
        path: File to write.
        weights: Digest of the networks, as the manifest of a model has it.
        frames: Number of frames that they were measured on, by source.
        networks: Ranges by `level2`, `things`, and `level1_key` for each input size.

    Raises:
        OutputError: the file cannot be written.
    """
    rounded = {
        name: {tensor: [_rounded(low), _rounded(high)] for tensor, (low, high) in ranges.items()}
        for name, ranges in networks.items()
    }
    told = {"weights": weights, "frames": dict(frames), "networks": rounded}
    write_text(path, json.dumps(told, indent=0) + "\n")


def level1_key(height: int, width: int) -> str:
    """Return the name of level 1's ranges at an input size.

    >>> level1_key(384, 640)
    'level1 384x640'
    """
    return f"level1 {height}x{width}"


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
