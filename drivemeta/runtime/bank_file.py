"""The class bank that an exported model holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from drivemeta.core import BankRows, ClassBank
from drivemeta.errors import ModelFileError
from drivemeta.runtime.model_file import ModelFile


def bank_of(file: ModelFile) -> ClassBank:
    """Return the classes and rows in use of a model, padding left out.

    Raises:
        ModelFileError: rows are missing, or do not fit the manifest's classes.
    """
    rule = file.manifest.bank
    try:
        return ClassBank(
            tuple(entry.spec() for entry in file.manifest.classes),
            _rows(file, "dense", rule.dense_dim),
            _rows(file, "crop", rule.crop_dim),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileError(f"{file.path}: cannot read its class bank: {error}") from error


def _rows(file: ModelFile, level: str, dim: int) -> BankRows:
    """Return the rows in use; a baked bank has no padding, and nothing at all for no rows."""
    arrays: dict[str, NDArray[Any]] = {
        tensor.name.removeprefix(f"{level}_"): numpy_helper.to_array(tensor)
        for tensor in file.proto.graph.initializer
        if tensor.name.startswith(f"{level}_")
    }
    if file.manifest.bank.mode == "baked" and "weights" not in arrays:
        return BankRows.empty(dim)
    n = int(arrays["count"][0]) if "count" in arrays else len(arrays["weights"])
    return BankRows(
        arrays["weights"][:n].astype(np.float32),
        arrays["biases"][:n].astype(np.float32),
        arrays["owners"][:n].astype(np.int64),
        arrays["roots"][:n].astype(np.int64),
    )
