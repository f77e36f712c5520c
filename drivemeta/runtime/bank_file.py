"""The class bank that an exported model holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, numpy_helper

from drivemeta.core import BankRows, ClassBank
from drivemeta.errors import ModelFileError
from drivemeta.runtime.manifest import BankMode, Manifest

if TYPE_CHECKING:
    pass


def read_bank(path: Path, graph: GraphProto, manifest: Manifest) -> ClassBank:
    """Return the bank of a graph.

    Raises:
        ModelFileError: rows are missing, or do not fit the manifest's classes.
    """
    rule = manifest.bank
    try:
        return ClassBank(
            tuple(entry.spec() for entry in manifest.classes),
            _rows(graph, rule.mode, "dense", rule.dense_dim),
            _rows(graph, rule.mode, "crop", rule.crop_dim),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileError(f"{path}: cannot read its class bank: {error}") from error


def _rows(graph: GraphProto, mode: BankMode, level: str, dim: int) -> BankRows:
    """Return the rows in use; a baked bank has no padding, and nothing at all for no rows."""
    arrays: dict[str, NDArray[Any]] = {
        tensor.name.removeprefix(f"{level}_"): numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.name.startswith(f"{level}_")
    }
    if mode == "baked" and "weights" not in arrays:
        return BankRows.empty(dim)
    n = int(arrays["count"][0]) if "count" in arrays else len(arrays["weights"])
    if arrays["weights"].shape[1:] != (dim,) or not 0 <= n <= len(arrays["weights"]):
        raise ValueError(
            f"expected {level} rows of {dim} columns, found {arrays['weights'].shape}, {n} in use"
        )
    return BankRows(
        arrays["weights"][:n].astype(np.float32),
        arrays["biases"][:n].astype(np.float32),
        arrays["owners"][:n].astype(np.int64),
        arrays["roots"][:n].astype(np.int64),
    )
