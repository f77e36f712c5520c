"""Episodes over embedded things: prototypes by cosine, support and query never of one group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray

N_QUERY = 10


@dataclass(frozen=True, eq=False)
class Pool:
    """Things to draw episodes from.

    Attributes:
        names: (n,) class name of each thing.
        groups: (n,) group of each thing.
    """

    names: NDArray[np.str_]
    groups: NDArray[np.str_]


def accuracy(
    embeddings: FloatArray,
    pool: Pool,
    classes: Sequence[str],
    shape: tuple[int, int],
    n_episodes: int,
) -> tuple[float, float]:
    """Return the mean accuracy of episodes and its 95 % interval, both in percent.

    Args:
        embeddings: (n, dim) float32 of length 1, one a thing of the pool.
        pool: What the things are.
        classes: Classes that ways are drawn from.
        shape: Numbers of ways and of shots.
        n_episodes: Number of episodes, drawn with seed 0: the same ones for every embedding.
    """
    n_way, n_shot = shape
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(pool.names == name) for name in classes]
    found = []
    for _ in range(n_episodes):
        right: list[NDArray[np.bool_]] = []
        prototypes, queries = [], []
        for way in rng.choice(len(classes), n_way, replace=False):
            shots, asked = split(rng.permutation(members[way]), pool.groups, n_shot)
            prototypes.append(embeddings[shots].mean(0))
            queries.append(asked)
        rows = np.stack(prototypes)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for label, asked in enumerate(queries):
            right.append((embeddings[asked] @ rows.T).argmax(1) == label)
        found.append(np.mean([each.mean() for each in right]))
    interval = 1.96 * float(np.std(found)) / np.sqrt(n_episodes)
    return 100 * float(np.mean(found)), 100 * interval


def split(
    order: NDArray[np.int64], groups: NDArray[np.str_], n_shot: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return shots of different groups, and queries of other groups than theirs."""
    _, first = np.unique(groups[order], return_index=True)
    shots = order[np.sort(first)[:n_shot]]
    others = order[~np.isin(groups[order], groups[shots])]
    return shots, others[:N_QUERY]
