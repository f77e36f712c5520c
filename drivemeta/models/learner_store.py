"""Files of what learners start from over one level 2: meta-trained weights, and the replay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from drivemeta.errors import ModelFileError
from drivemeta.files import write_bytes
from drivemeta.models.digest import weights_digest
from drivemeta.models.level2 import Level2

WEIGHTS = "weights.safetensors"  # as `drivemeta metatrain` writes it, and beside a plugin
HEADER = "drivemeta_learner"
VANISHED = 0.001


@dataclass(frozen=True, eq=False)
class LearnerWeights:
    """What such a file holds.

    Attributes:
        state: Tensors by name, floats as float32.
        level2: `weights_digest` of the level 2 that they belong to.
        learner: Name of the learner, empty of a replay.
    """

    state: dict[str, Tensor]
    level2: str
    learner: str


def write(path: Path, state: dict[str, Tensor], level2: Level2, about: dict[str, Any]) -> None:
    """Write weights for one level 2 in half precision.

    Args:
        path: File to write.
        state: Tensors by name.
        level2: Network that they belong to.
        about: Further facts about them, as JSON values; `learner` by name.

    Raises:
        OutputError: the file cannot be written.
    """
    header = json.dumps({"level2": weights_digest(level2), **about})
    halves = {key: _half(value).contiguous() for key, value in state.items()}
    write_bytes(path, serialize(halves, metadata={HEADER: header}))


def read(path: Path) -> LearnerWeights:
    """Read such a file.

    Raises:
        ModelFileError: it is missing, damaged or something else.
    """
    if not path.is_file():
        found_there = "a folder" if path.is_dir() else "no file"
        raise ModelFileError(f"expected a learner's weights, found {found_there} at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(file.metadata() or {})
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        state = {key: v.float() if v.is_floating_point() else v for key, v in found.items()}
        return LearnerWeights(state, header["level2"], header.get("learner", ""))
    except (SafetensorError, ValueError) as error:
        raise ModelFileError(
            f"expected a learner's weights in {path}, as `drivemeta metatrain` writes them over "
            f"level 2: {error}"
        ) from error


def _header(metadata: dict[str, str]) -> dict[str, Any]:
    if HEADER not in metadata:
        raise ValueError("these tensors are something else's")
    header = json.loads(metadata[HEADER])
    if "level2" not in (header if isinstance(header, dict) else {}):
        raise ValueError("it does not say which level 2 they belong to")
    found: dict[str, Any] = header
    return found


def read_if_of(path: Path, level2: str) -> dict[str, Tensor] | None:
    """Return the tensors of a file, None if there is none or it is for another level 2.

    Args:
        path: File that may be there.
        level2: `weights_digest` of the level 2 that they are wanted for.

    Raises:
        ModelFileError: the file is damaged.
    """
    found = read(path) if path.is_file() else None
    return found.state if found and found.level2 == level2 else None


def _half(values: Tensor) -> Tensor:
    """Return 16-bit floats; of another exponent where values would vanish, as squares do."""
    if not values.is_floating_point():
        return values
    half = values.half()
    vanished = ((half == 0) & (values != 0)).float().mean() > VANISHED
    return values.bfloat16() if vanished else half
