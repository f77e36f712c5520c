"""Reading and writing the result of a training run."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drivemeta.errors import ModelFileError
from drivemeta.files import atomic_path


def write_weights(path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write tensors as safetensors, whole or not at all, and return the path."""
    with atomic_path(path) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    return path


def load_start(path: Path, module: nn.Module, prefix: str = "") -> None:
    """Begin with what an earlier run wrote; layers that it did not have stay as they are.

    Args:
        path: File that `write_weights` wrote.
        module: Module, loaded in place.
        prefix: Start of the names of the tensors that are taken, without it.

    Raises:
        ModelFileError: no such file, or its layers do not fit.
    """
    try:
        found = load_file(path)
        own = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        unfit = module.load_state_dict(own, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelFileError(f"start_from: cannot begin with {path}: {error}") from error
    if unfit.unexpected_keys or not own:
        others = ", ".join(unfit.unexpected_keys) or "none fits"
        raise ModelFileError(f"start_from: {path} has other layers: {others}")
