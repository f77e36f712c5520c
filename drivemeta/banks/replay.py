"""Embeddings of ordinary things that ship: what a new kind of thing is held against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from drivemeta.core.boxes import FloatArray
from drivemeta.errors import ModelFileError
from drivemeta.files import write_bytes
from drivemeta.paths import THING_REPLAY

HEADER = "drivemeta_replay"


@dataclass(frozen=True, eq=False)
class Replay:
    """Things of the base's own training.

    Attributes:
        kinds: Name of each kind.
        parents: Super-class that the base finds each kind by, or empty for none.
        embeddings: (n, dim) float32, L2-normalised.
        labels: (n,) int64, the kind of each.
    """

    kinds: tuple[str, ...]
    parents: tuple[str, ...]
    embeddings: FloatArray
    labels: NDArray[np.int64]

    def of(self, kind: int) -> FloatArray:
        """Return the (m, dim) embeddings of a kind."""
        found: FloatArray = self.embeddings[self.labels == kind]
        return found

    def without(self, kinds: tuple[str, ...]) -> Replay:
        """Return what is left without some kinds."""
        kept = [i for i, kind in enumerate(self.kinds) if kind not in kinds]
        mine = np.isin(self.labels, kept)
        number = np.cumsum([kind not in kinds for kind in self.kinds]) - 1
        return Replay(
            tuple(self.kinds[i] for i in kept),
            tuple(self.parents[i] for i in kept),
            self.embeddings[mine],
            number[self.labels[mine]],
        )


def save_replay(path: Path, replay: Replay) -> None:
    """Write embeddings in half precision.

    Raises:
        OutputError: the file cannot be written.
    """
    header = json.dumps({"kinds": replay.kinds, "parents": replay.parents})
    arrays = {
        "embeddings": replay.embeddings.astype(np.float16),
        "labels": replay.labels.astype(np.int16),
    }
    write_bytes(path, serialize(arrays, metadata={HEADER: header}))


@cache
def load_replay(path: Path = THING_REPLAY) -> Replay:
    """Return the things that ship with the package.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFileError(f"expected the shipped things at {path}; install drivemeta again")
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            embeddings = np.asarray(file.get_tensor("embeddings"), np.float32)
            labels = np.asarray(file.get_tensor("labels"), np.int64)
        kinds, parents = tuple(header["kinds"]), tuple(header["parents"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"expected embeddings of things in {path}: {error}") from error
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Replay(kinds, parents, embeddings, labels)
