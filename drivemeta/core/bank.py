"""The class bank: which classes a detector knows, as rows that name embeddings.

Level 1 (*dense*) rows say what an object is by its super-class; level 2 (*crop*) rows name the
leaf below it from its pixels at full resolution. For an embedding `e` and a row `w` the logit is
`scale * (e . w - bias)`. Numpy only: the runtime feeds banks to a running session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray

DISTRACTOR = -1
ALIKE = 0.6  # cosine from which two embeddings may well be of the same class
Origin = Literal["base", "novel"]


@dataclass(frozen=True)
class ClassSpec:
    """One class of a detector.

    Attributes:
        name: Name, unique in its bank.
        parent: Name of the super-class it is a kind of, or None for a super-class.
        origin: `base` if shipped, `novel` if adapted to.
        threshold: Least score, in [0, 1], at which it is reported.
        shots: Number of support boxes it was learnt from (0 for base classes).
        low_confidence: Whether the threshold was set without held-out support boxes.
    """

    name: str
    parent: str | None = None
    origin: Origin = "base"
    threshold: float = 0.3
    shots: int = 0
    low_confidence: bool = False


@dataclass(frozen=True, eq=False)
class BankRows:
    """Rows of one level.

    Attributes:
        weights: (n_rows, dim) float32, L2-normalised.
        biases: (n_rows,) float32, subtracted from the cosine.
        owners: (n_rows,) int64, the class a row votes for: a leaf; its own root for a row that
            says "one of these, but no leaf"; or `DISTRACTOR` (-1) for background.
        roots: (n_rows,) int64, the super-class within which the row competes.
    """

    weights: FloatArray
    biases: FloatArray
    owners: NDArray[np.int64]
    roots: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.weights)
        if self.weights.ndim != 2 or not (
            self.biases.shape == self.owners.shape == self.roots.shape == (n,)
        ):
            raise ValueError(
                "bank rows must have weights (n_rows, dim) and biases, owners, roots (n_rows,); "
                f"found {self.weights.shape}, {self.biases.shape}, {self.owners.shape}, "
                f"{self.roots.shape}"
            )

    @classmethod
    def empty(cls, dim: int) -> BankRows:
        """Return no rows of `dim` columns."""
        none = np.zeros(0, np.int64)
        return cls(np.zeros((0, dim), np.float32), np.zeros(0, np.float32), none, none)

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, chosen: NDArray[np.bool_ | np.int64]) -> BankRows:
        """Return the rows of a (n_rows,) mask, or of indices, in their order."""
        return BankRows(
            self.weights[chosen], self.biases[chosen], self.owners[chosen], self.roots[chosen]
        )

    def __add__(self, other: BankRows) -> BankRows:
        """Append the rows of another bank of the same dimension."""
        return BankRows(
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.biases, other.biases]),
            np.concatenate([self.owners, other.owners]),
            np.concatenate([self.roots, other.roots]),
        )


@dataclass(frozen=True, eq=False)
class ClassBank:
    """All classes of a detector and the rows of both levels.

    Attributes:
        classes: Classes; labels are indices into them, and parents come before their leaves.
        dense: Level-1 rows; each owner is a class, never a distractor.
        crop: Level-2 rows; each owner is a leaf of its root, the root itself, or a distractor.

    Raises:
        ValueError: a name occurs twice, a parent is unknown or not a super-class, or a row
            refers to a class that does not exist.
    """

    classes: tuple[ClassSpec, ...]
    dense: BankRows
    crop: BankRows

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"class names must be unique, found twice: {', '.join(twice)}")
        for spec in self.classes:
            if spec.parent is not None and (
                spec.parent not in names or self.classes[self.index(spec.parent)].parent is not None
            ):
                raise ValueError(f"class {spec.name!r}: parent {spec.parent!r} is no super-class")
        for level in (self.dense, self.crop):
            if len(level) and not (
                max(level.owners.max(), level.roots.max()) < len(names)
                and level.owners.min() >= DISTRACTOR
                and level.roots.min() >= 0
            ):
                raise ValueError("a bank row refers to a class that the bank does not have")

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of the labels."""
        return tuple(spec.name for spec in self.classes)

    @property
    def thresholds(self) -> FloatArray:
        """(n_classes,) float32 thresholds in the order of the labels."""
        return np.array([spec.threshold for spec in self.classes], np.float32)

    @property
    def roots(self) -> NDArray[np.int64]:
        """(n_classes,) int64: the super-class of each class (itself for a super-class)."""
        return np.array([self.index(spec.parent or spec.name) for spec in self.classes], np.int64)

    def index(self, name: str) -> int:
        """Return the label of a class; ValueError if it is unknown."""
        return self.names.index(name)

    def with_thresholds(self, thresholds: dict[str, float]) -> ClassBank:
        """Return the bank with other thresholds for the classes named."""
        classes = tuple(
            replace(spec, threshold=float(thresholds.get(spec.name, spec.threshold)))
            for spec in self.classes
        )
        return replace(self, classes=classes)
