"""Embeddings of ordinary things that ship: what a new kind of thing is held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.banks.arrays_file import read_arrays
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import ModelFileError
from drivemeta.paths import THING_REPLAY

HEADER = "drivemeta_replay"
# The super-class that the base finds a kind by; other kinds are found as nothing.
_VEHICLES = (
    *("bus", "car", "convertible", "coupe", "crane", "excavator", "go-kart", "hatchback"),
    *("limousine", "minivan", "moving van", "pickup", "sedan", "sports car", "station wagon"),
    *("suv", "tractor", "train", "trolleybus", "truck", "van"),
)
_PEOPLE = (
    *("chef", "construction worker", "doctor", "farmer", "firefighter", "judge", "mechanic"),
    *("person", "pilot", "police officer", "soldier", "waiter"),
)
_RIDERS = ("bicycle", "cyclist", "motorcycle", "rider")
PARENTS = {
    **dict.fromkeys(_VEHICLES, "vehicle"),
    **dict.fromkeys(_PEOPLE, "pedestrian"),
    **dict.fromkeys(_RIDERS, "cyclist"),
}


@dataclass(frozen=True, eq=False)
class ThingReplay:
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

    def parent_of(self, kind: str) -> str:
        """Return the super-class that the base finds a kind by, empty for none or another kind."""
        return self.parents[self.kinds.index(kind)] if kind in self.kinds else ""

    def without(self, kinds: tuple[str, ...]) -> ThingReplay:
        """Return what is left without some kinds."""
        kept = [i for i, kind in enumerate(self.kinds) if kind not in kinds]
        mine = np.isin(self.labels, kept)
        number = np.cumsum([kind not in kinds for kind in self.kinds]) - 1
        return ThingReplay(
            tuple(self.kinds[i] for i in kept),
            tuple(self.parents[i] for i in kept),
            self.embeddings[mine],
            number[self.labels[mine]],
        )


@cache
def load_replay(path: Path = THING_REPLAY) -> ThingReplay:
    """Return the things that ship with the package.

    Raises:
        ModelFileError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFileError(f"expected the shipped things at {path}; install drivemeta again")
    what, needed = "embeddings of things", ("embeddings", "labels")
    header, arrays = read_arrays(path, HEADER, what, ["names"], needed)
    embeddings, labels = arrays["embeddings"].astype(np.float32), arrays["labels"].astype(np.int64)
    kinds = tuple(header["names"])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    parents = tuple(PARENTS.get(kind, "") for kind in kinds)
    return ThingReplay(kinds, parents, embeddings, labels)
