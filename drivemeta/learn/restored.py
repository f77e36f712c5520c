"""The detector inside an adapted model, so that further classes can be added to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from drivemeta.core import BankRows, ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.export.network_cache import weights_digest
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.runtime.model_file import ModelFile, read_model_file


def restore(base: TwoLevelDetector, path: str | Path) -> TwoLevelDetector:
    """Return the base with the classes, rows and thresholds of a model adapted from it.

    Args:
        base: the detector that the model was adapted from.
        path: the model, `.onnx`.

    Raises:
        ModelFileError: the file is damaged, is no model of DriveMeta, was made from another base,
            or holds its bank in another form.
    """
    file = read_model_file(path)
    mine = weights_digest(nn.ModuleList([base.level1, base.level2]))
    if file.manifest.digests.weights != mine:
        raise ModelFileError(
            f"{file.path} was made from another base (weights "
            f"{file.manifest.digests.weights[:12]}, expected {mine[:12]}); give that one by "
            "--base, or adapt anew"
        )
    if file.manifest.precision != "fp32":
        raise ModelFileError(
            f"{file.path} is quantised ({file.manifest.precision}); expected the model as "
            "`drivemeta adapt` wrote it"
        )
    try:
        bank = ClassBank(
            tuple(entry.spec() for entry in file.manifest.classes),
            _rows(file, "dense", file.manifest.bank.dense_dim),
            _rows(file, "crop", file.manifest.bank.crop_dim),
        )
        scoring = Scoring(**file.manifest.scoring)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{file.path}: cannot read its class bank: {error}") from error
    size = (file.manifest.input.height, file.manifest.input.width)
    restored = TwoLevelDetector(base.level1, base.level2, bank, scoring, size)
    restored.architecture = base.architecture
    return restored.eval()


def _rows(file: ModelFile, level: str, dim: int) -> BankRows:
    """Return the rows in use; a baked bank has no padding, and nothing at all for no rows."""
    arrays: dict[str, NDArray[np.generic]] = {
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
