"""Checkpoints of a training run without pickle: tensors as safetensors, the rest as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from drivemeta.errors import ModelFileError
from drivemeta.files import atomic_path


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    progress: dict[str, Any],
) -> None:
    """Write weights, their moving average, optimizer state and progress into one file.

    Args:
        path: File, written through a temporary sibling, so that it is whole or absent.
        model: Model whose `state_dict` is stored.
        average: Moving averages by the names of the state dict.
        optimizer: Optimiser, whose tensors are stored by group and position.
        progress: JSON values, such as the step.
    """
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    stored = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    with atomic_path(path) as partial:
        save_file(stored, partial, metadata={"progress": json.dumps(progress)})


def load_checkpoint(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> dict[str, Any]:
    """Restore what `save_checkpoint` wrote, in place, and return the progress.

    Raises:
        ModelFileError: the file is damaged or belongs to another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            progress: dict[str, Any] = json.loads((file.metadata() or {})["progress"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        model.load_state_dict(_strip(tensors, "model."))
        average.update(_strip(tensors, "average."))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _strip(tensors, "optimizer.").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(
            {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"cannot resume from checkpoint {path}: {error}") from error
    return progress


def _strip(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
