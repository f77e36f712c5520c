"""Writing the result of a training run."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def write_weights(path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write tensors as safetensors, whole or not at all, and return the path."""
    partial = path.with_name(path.name + ".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    os.replace(partial, path)
    return path
