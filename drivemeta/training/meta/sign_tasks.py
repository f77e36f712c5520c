"""Sign crops by meaning, as features of a frozen level 2, and tasks of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.data.meanings import meaning_of
from drivemeta.errors import InputError
from drivemeta.plugins.learner.episodes import Episode, Pairs
from drivemeta.training.crops import (
    augment,
    crops_to_tensor,
    read_crop,
    read_manifest,
    view,
)
from drivemeta.training.meta.omniglot import Shape

BATCH = 256
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SignPool:
    """Features of sign crops.

    Attributes:
        features: (n, n_views, n_features) float16; the first view is the crop as it is, the
            others are augmented.
        labels: (n,) int64 into `names`.
        groups: (n,) int64; crops of one physical sign or one drive share a group.
        names: Meanings.
    """

    features: Tensor
    labels: Indices
    groups: Indices
    names: tuple[str, ...]

    def part(self, meanings: Collection[str]) -> SignPool:
        """Return the crops of some meanings alone."""
        kept = np.isin(self.labels, [i for i, n in enumerate(self.names) if n in meanings])
        names = tuple(name for name in self.names if name in meanings)
        labels = np.array([names.index(self.names[i]) for i in self.labels[kept]], np.int64)
        return SignPool(self.features[torch.from_numpy(kept)], labels, self.groups[kept], names)


def load_sign_pool(
    root: Path,
    countries: Iterable[str],
    features: Callable[[Tensor], Tensor],
    *,
    n_views: int = 1,
    context: float = 1.15,
    seed: int = 0,
) -> SignPool:
    """Read sign crops and run the frozen layers over views of them.

    Args:
        root: Folder of `COUNTRY/manifest.csv` with columns path, class, group.
        countries: Folder names.
        features: Function from (n, 3, 64, 64) crops to (n, n_features).
        n_views: Number of views of each crop.
        context: Side of a view in sides of the sign.
        seed: Seed of the augmented views.

    Raises:
        InputError: there is no such list, or a crop cannot be read.
    """
    rows = [
        (meaning, f"{country}/{row['group']}", root / row["path"])
        for country in countries
        for row in read_manifest(root / country / "manifest.csv")
        if (meaning := meaning_of(country, row["class"])) is not None
    ]
    names, labels = np.unique([meaning for meaning, _, _ in rows], return_inverse=True)
    _, groups = np.unique([group for _, group, _ in rows], return_inverse=True)
    rng, found = np.random.default_rng(seed), []
    for first in range(0, len(rows), BATCH):
        crops = [read_crop(path) for _, _, path in rows[first : first + BATCH]]
        views = [
            view(crop, context) if i == 0 else augment(crop, context, rng)
            for crop in crops
            for i in range(n_views)
        ]
        found.append(features(crops_to_tensor(views)).half().reshape(len(crops), n_views, -1))
    return SignPool(
        torch.cat(found), labels.astype(np.int64), groups.astype(np.int64), tuple(names.tolist())
    )


class SignTasks:
    """A task source: support and query of a class never come from one group.

    Args:
        pool: Pool of signs.
        shape: Shape of an episode; a class with few crops may have fewer queries.
        seed: Seed of all drawing, with the iteration sought.
        n_pairs: Number of pairs of one draw.
        few: Fewest shots; each episode has as many or more, up to those of `shape`.
    """

    def __init__(
        self,
        pool: SignPool,
        shape: Shape,
        seed: int,
        n_pairs: int = 128,
        few: int | None = None,
    ) -> None:
        self._pool, self._shape, self._seed, self._n_pairs = pool, shape, seed, n_pairs
        self._few = few or shape.n_shot
        self._classes = [
            crops
            for label in range(len(pool.names))
            if _is_enough(crops := _by_group(pool, label), shape.n_shot)
        ]
        if len(self._classes) < shape.n_way:
            raise InputError(
                f"expected {shape.n_way} classes with {shape.n_shot} crops and a further group "
                f"for an episode, found {len(self._classes)} of {len(pool.names)}"
            )
        self.seek(0)

    @property
    def n_way(self) -> int:
        """Classes of an episode."""
        return self._shape.n_way

    @property
    def n_classes(self) -> int:
        """Classes that have enough crops."""
        return len(self._classes)

    def seek(self, iteration: int) -> None:
        """Begin an iteration."""
        self._rng = np.random.default_rng([self._seed, iteration])

    def episode(self) -> Episode:
        """Draw a task with support and query."""
        chosen = self._rng.choice(len(self._classes), self._shape.n_way, replace=False)
        n_shot = int(self._rng.integers(self._few, self._shape.n_shot + 1))
        parts = [self._split(self._classes[index], n_shot) for index in chosen]
        support, query = ([part[side] for part in parts] for side in (0, 1))
        return Episode(*self._labelled(support), *self._labelled(query), self._shape.n_way)

    def task(self) -> Episode:
        """Draw a task whose support holds the crops of the query too."""
        return self.episode().without_query()

    def pairs(self) -> Pairs:
        """Draw pairs of crops, half of them of one class but of two groups."""
        left, right, rng = [], [], self._rng
        for index in range(self._n_pairs):
            one, two = rng.choice(len(self._classes), 2, replace=False)
            groups = self._classes[one]
            a, b = rng.choice(len(groups), 2, replace=False)
            left.append(rng.choice(groups[a]))
            other = self._classes[two][rng.integers(len(self._classes[two]))]
            right.append(rng.choice(groups[b] if index < self._n_pairs // 2 else other))
        same = (torch.arange(self._n_pairs) < self._n_pairs // 2).float()
        return Pairs(self._images(left), self._images(right), same)

    def _split(self, groups: list[Indices], n_shot: int) -> tuple[list[int], list[int]]:
        """Choose shots and queries of one class from different groups."""
        rng = self._rng
        while True:  # ends: the class has enough crops beside some group
            order = [groups[i] for i in rng.permutation(len(groups))]
            sizes = np.cumsum([len(group) for group in order])
            n_support = max(int(np.searchsorted(sizes, n_shot)) + 1, min(n_shot, len(order) // 2))
            if n_support < len(order):
                break
        shots = _one_from_each([rng.permutation(group) for group in order[:n_support]], n_shot)
        rest = _one_from_each([rng.permutation(g) for g in order[n_support:]], self._shape.n_query)
        return shots, rest

    def _labelled(self, crops: list[list[int]]) -> tuple[Tensor, Tensor]:
        labels = np.repeat(np.arange(len(crops)), [len(part) for part in crops])
        return self._images([crop for part in crops for crop in part]), torch.from_numpy(labels)

    def _images(self, crops: list[int]) -> Tensor:
        """Return (n, n_features) float32 features, of a view each."""
        views = self._rng.integers(self._pool.features.shape[1], size=len(crops))
        return self._pool.features[torch.tensor(crops), torch.from_numpy(views)].float()


def _by_group(pool: SignPool, label: int) -> list[Indices]:
    own = np.flatnonzero(pool.labels == label)
    return [own[pool.groups[own] == group] for group in np.unique(pool.groups[own])]


def _is_enough(groups: list[Indices], n_shot: int) -> bool:
    sizes = [len(group) for group in groups]
    return len(sizes) > 1 and sum(sizes) - min(sizes) >= n_shot


def _one_from_each(groups: list[Indices], n: int) -> list[int]:
    """Return at most n crops, one of each group in turn."""
    longest = max(len(group) for group in groups)
    in_turn = [int(group[i]) for i in range(longest) for group in groups if i < len(group)]
    return in_turn[:n]
