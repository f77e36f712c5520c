"""Writing the result of a training run."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from drivemeta.files import atomic_path


def write_weights(path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write tensors as safetensors, whole or not at all, and return the path."""
    with atomic_path(path) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    return path
