"""All hits of a session: scored anew when rows of the bank are, and added to as the index grows."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.hits import ClipHit, hits_of
from drivemeta.teach.seen import Rows, score


class HitList:
    """Hits of the newest bank; several threads may use it.

    Args:
        bank: Classes to begin with.
        scoring: Constants of the score rule.
    """

    def __init__(self, bank: ClassBank, scoring: Scoring) -> None:
        self._bank, self._scoring = bank, scoring
        self._lock = threading.Lock()
        self._hits: list[ClipHit] = []

    def all(self) -> list[ClipHit]:
        """Return the hits, in no order."""
        with self._lock:
            return list(self._hits)

    def score(
        self, bank: ClassBank, indexes: Mapping[str, ClipIndex], names: Sequence[str]
    ) -> None:
        """Score all that is indexed, if the bank is another.

        Args:
            bank: Classes.
            indexes: Index of each clip by its name.
            names: Classes that hits are wanted of.
        """
        with self._lock:
            if bank is self._bank:
                return
            self._bank, self._hits = bank, []
            for clip, index in indexes.items():
                for rows in index.parts():
                    self._hits += self._of(clip, rows, names)

    def grow(self, clip: str, rows: Rows, names: Sequence[str]) -> int:
        """Score rows that are new in the index of a clip; return how many hits they add."""
        with self._lock:
            known = {(hit.clip, hit.frame) for hit in self._hits}
            new = self._of(clip, rows, names)
            added = [hit for hit in new if (hit.clip, hit.frame) not in known]
            self._hits += added
            return len(added)

    def _of(self, clip: str, rows: Rows, names: Sequence[str]) -> list[ClipHit]:
        scores, labels = score(rows, self._bank, self._scoring)
        return hits_of(clip, rows, (scores, labels), self._bank, names)
