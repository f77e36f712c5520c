"""Which hits are shown: the best, those that differ, or those that the model is least sure of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from drivemeta.archive.hits import Hit

Rank = Callable[[Hit], float]


def by_score(hit: Hit) -> float:
    """Return what ranks the surest first."""
    return hit.score


def by_doubt(hit: Hit) -> float:
    """Return what ranks those nearest to their threshold first."""
    return -abs(hit.margin)


class Best:
    """Keeps the best of many hits, whatever order they come in.

    Args:
        most: How many are kept.
        rank: Function that gives what they are ranked by, higher first.
    """

    def __init__(self, most: int, rank: Rank) -> None:
        self._most, self._rank = most, rank
        self._hits: list[Hit] = []

    def add(self, hit: Hit) -> None:
        """Take a hit in."""
        self._hits.append(hit)
        if len(self._hits) >= 2 * self._most:
            self._hits = self.ranked()

    def ranked(self) -> list[Hit]:
        """Return them, best first; equal ones by video, frame and box."""
        ordered = sorted(self._hits, key=lambda h: (-self._rank(h), h.video, h.frame, h.box))
        return ordered[: self._most]


def diverse(hits: Sequence[Hit], n: int) -> list[Hit]:
    """Return hits that differ: the first, then each time the one farthest from all chosen before.

    Farthest-point sampling in the space of embeddings: Gonzalez, "Clustering to minimize the
    maximum intercluster distance", 1985. Hits that were not embedded are left out.

    Args:
        hits: Hits, best first.
        n: How many to choose.
    """
    known = [hit for hit in hits if hit.embedding.any()]
    if not known:
        return list(hits[:n])
    vectors = np.stack([hit.embedding for hit in known]).astype(np.float32)
    chosen = [0]
    nearest = vectors @ vectors[0]
    while len(chosen) < min(n, len(known)):
        farthest = int(np.argmin(nearest))
        chosen.append(farthest)
        nearest = np.maximum(nearest, vectors @ vectors[farthest])
        nearest[chosen] = np.inf
    return [known[i] for i in chosen]
