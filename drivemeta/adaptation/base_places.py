"""Places of the base's own training frames that ship: what a class of level 1 must not become."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save as serialize
from torch import Tensor, nn

from drivemeta.banks.arrays_file import read_arrays
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.errors import ModelFileError
from drivemeta.files import write_bytes
from drivemeta.models.digest import weights_digest
from drivemeta.paths import BASE_PLACES

HEADER = "drivemeta_places"
BACKGROUND = -1


@dataclass(frozen=True, eq=False)
class Places:
    """What level 1 says of places in frames.

    Attributes:
        embeddings: (n, dim) float32 unit vectors.
        quality: (n,) float32 logits.
    """

    embeddings: Tensor
    quality: Tensor

    def __len__(self) -> int:
        return len(self.quality)

    @classmethod
    def joined(cls, parts: Sequence[Places]) -> Places:
        """Return the places of all parts."""
        none = cls(torch.zeros((0, 0)), torch.zeros(0))
        found = [part for part in parts if len(part)] or [none]
        return cls(
            torch.cat([part.embeddings for part in found]),
            torch.cat([part.quality for part in found]),
        )

    @classmethod
    def of(cls, dense: DenseArrays, at_most: int) -> Places:
        """Return the likeliest places of a frame to show an object."""
        best = np.argsort(-dense.quality, kind="stable")[:at_most]
        return cls(torch.from_numpy(dense.embeddings[best]), torch.from_numpy(dense.quality[best]))


def places_beside(level1: nn.Module, name: str, path: Path = BASE_PLACES) -> Places:
    """Return the shipped places that show something else than a super-class, or nothing.

    There are none for a level 1 other than the shipped one.

    Args:
        level1: Network that is to find the class.
        name: Name of the super-class, one of the base or a new one.
        path: File that `write_places` wrote.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFileError(f"expected the shipped places at {path}; install drivemeta again")
    what, needed = "places of level 1", ("embeddings", "quality", "labels")
    header, found = read_arrays(path, HEADER, what, ["classes", "level1"], needed)
    names = list(header["classes"])
    own = names.index(name) if name in names else len(names)
    other = (found["labels"] != own) & (header["level1"] == weights_digest(level1))
    embeddings = torch.from_numpy(found["embeddings"][other].astype(np.float32))
    quality = torch.from_numpy(found["quality"][other].astype(np.float32))
    return Places(nn.functional.normalize(embeddings, dim=-1), quality)


def write_places(
    path: Path,
    level1: nn.Module,
    classes: tuple[str, ...],
    embeddings: FloatArray,
    quality: FloatArray,
    labels: NDArray[np.int64],
) -> None:
    """Write places in half precision.

    Args:
        path: File to write.
        level1: Network that they are of.
        classes: Names of the super-classes.
        embeddings: (n, dim) unit vectors.
        quality: (n,) logits.
        labels: (n,) super-class of what each place shows, `BACKGROUND` where there is nothing.

    Raises:
        OutputError: the file cannot be written.
    """
    header = json.dumps({"classes": classes, "level1": weights_digest(level1)})
    arrays = {
        "embeddings": embeddings.astype(np.float16),
        "quality": quality.astype(np.float16),
        "labels": labels.astype(np.int8),
    }
    write_bytes(path, serialize(arrays, metadata={HEADER: header}))
