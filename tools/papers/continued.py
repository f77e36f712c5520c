"""A row that is trained in parts: what a run goes on from, and what it adds to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from drivemeta.errors import InputError
from drivemeta.files import atomic_path, write_text
from drivemeta.training.meta.omniglot_training import MetaTraining, untrained
from tools.papers.kept import kept_of, weights_named
from tools.papers.rows import Row

# Splits with the characters of validation.
WHOLE = {
    "train": "trainval",
    "background_train": "background",
    "mixed_train": "mixed_trainval",
}


def before_of(row: Row, out: Path, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Return what a run goes on from, None if it begins anew; noted in its folder for a resume.

    What has once been trained with the characters of validation stays so.
    """
    note = out / "before.json"
    if arguments.resume:
        return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    other = getattr(arguments, "from")
    before = kept_of(other or row.key) if other or getattr(arguments, "continue") else None
    if arguments.with_validation and before is None:
        raise InputError(f"{row.key}: iterations are chosen on validation first; then --continue")
    if other and before is None:
        raise InputError(f"{row.key} cannot begin from {other}: nothing of it is kept")
    if before is not None:  # validation of another learner is no part of this one's curve
        begun = {"begun_from": other, "curve": []} if other else {}
        before = {"begun_from": "", "with_validation": None} | before | begun
        if arguments.with_validation and before["with_validation"] is None:
            before["with_validation"] = 0
    note.unlink(missing_ok=True)
    if before is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps(before))
    return before


def config_of(
    row: Row, out: Path, before: dict[str, Any] | None, arguments: argparse.Namespace
) -> MetaTraining:
    """Return the configuration of a run that goes on from what was before, if anything was."""
    config = row.config(arguments.omniglot, out, arguments.seed)
    config = config.model_copy(update={"minutes": arguments.minutes})
    if before is None:
        return config
    if before["with_validation"] is not None:
        config = with_validation(config)
    weights = begun_with(weights_named(before), row, config)
    started = {"start_from": weights, "start_iteration": before["iterations"]}
    return config.model_copy(update=started)


def with_validation(config: MetaTraining) -> MetaTraining:
    """Return a configuration that trains on the characters of validation, too.

    Nothing is left to choose iterations by, so the last weights are kept.
    """
    whole = WHOLE[config.splits[0]]
    splits = (whole, whole, config.splits[2])
    return config.model_copy(update={"splits": splits, "keep_last": True})


def after(before: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Add what was before a run to what came of it."""
    minutes = before["minutes"] + kept["minutes"]
    curve, on_validation = before["curve"], before["with_validation"]
    if on_validation is not None:  # its points are of characters that it is trained on
        on_validation += kept["iterations"] - before["iterations"]
    else:
        curve = [point for point in curve if point[0] < before["iterations"]] + kept["curve"]
    carried = {"begun_from": before["begun_from"], "with_validation": on_validation}
    return kept | carried | {"minutes": minutes, "curve": curve}


def begun_with(path: Path, row: Row, config: MetaTraining) -> Path:
    """Return a file of weights that a row can start from.

    Those of another learner, or with another head, give it their embedding; its head and whatever
    else it learns are untrained.
    """
    weights = load_file(path)
    _, model = untrained(row.learner, config)
    state = model.state_dict()
    if _shapes(state) == _shapes(weights):
        return path
    given = {_in_embedding(key): value for key, value in weights.items()}
    for key, value in state.items():
        if name := _in_embedding(key):
            value.copy_(given[name])
    begun = config.out / "begun.safetensors"
    with atomic_path(begun) as partial:
        save_file({key: value.contiguous() for key, value in state.items()}, partial)
    return begun


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in weights.items()}


def _in_embedding(key: str) -> str:
    """Return the name of a weight within Conv-4, empty for one of a head or of an optimiser."""
    _, found, name = key.rpartition("blocks.")
    return name if found else ""
