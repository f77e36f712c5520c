"""What the training of level 1 begins with: an earlier run, or the level 1 of a whole detector."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from drivemeta.errors import ModelFileError
from drivemeta.models.store import load_detector
from drivemeta.training.base.level1_loss import TrainableLevel1
from drivemeta.training.weights import load_start


def load_level1(path: Path, model: TrainableLevel1) -> None:
    """Begin with weights of an earlier run, or with the level 1 of a detector such as the base.

    Layers that it did not have stay as they are.

    Args:
        path: written by `write_weights` or `save_detector`.
        model: loaded in place.

    Raises:
        ModelFileError: no such file, or its layers do not fit.
    """
    if not _is_detector(path):
        load_start(path, model)
        return
    load_start(path, model.level1, "level1.")
    detector = load_detector(path)
    dense, n_classes = detector.bank.dense, len(model.rows.weights)
    if dense.owners.tolist() != list(range(n_classes)):
        raise ModelFileError(
            f"start_from: expected one dense row for each of {n_classes} classes in {path}, found "
            f"rows of classes {dense.owners.tolist()}: name a detector without classes of its own"
        )
    with torch.no_grad():
        model.rows.weights.copy_(torch.from_numpy(dense.weights))
        model.rows.biases.copy_(torch.from_numpy(dense.biases))
        model.rows.log_scale.fill_(math.log(detector.scoring.dense_scale))


def _is_detector(path: Path) -> bool:
    try:
        with safe_open(path, framework="pt") as file:
            return "drivemeta" in (file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"start_from: cannot begin with {path}: {error}") from error
