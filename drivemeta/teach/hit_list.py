"""All hits of a session: told anew when the bank is another, and added to as the index grows."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.found import NamedRows, find, name_rows
from drivemeta.teach.hits import ClipHit, hits_of
from drivemeta.teach.seen import Rows


class HitList:
    """Hits of the newest bank; several threads may use it.

    Args:
        base: Bank that the rows were seen by.
        scoring: Constants of the score rule.
    """

    def __init__(self, base: ClassBank, scoring: Scoring) -> None:
        self._base, self._bank, self._scoring = base, base, scoring
        self._lock = threading.Lock()
        self._named: list[tuple[str, NamedRows]] | None = None  # nothing is scored yet
        self._hits: list[ClipHit] = []

    def all(self) -> list[ClipHit]:
        """Return the hits, in no order."""
        with self._lock:
            return list(self._hits)

    def score(
        self, bank: ClassBank, indexes: Mapping[str, ClipIndex], names: Sequence[str]
    ) -> None:
        """Tell the hits anew, if the bank is another; where only thresholds are, nothing is scored.

        Args:
            bank: Classes.
            indexes: Index of each clip by its name.
            names: Classes that hits are wanted of.
        """
        with self._lock:
            if self._named is None or not _same_rows(bank, self._bank):
                self._named = [
                    (clip, name_rows(rows, self._base, bank, self._scoring))
                    for clip, index in indexes.items()
                    for rows in index.parts()
                ]
            elif bank.classes == self._bank.classes:
                return
            self._bank = bank
            self._hits = [hit for part in self._named for hit in self._of(*part, names)]

    def grow(self, clip: str, rows: Rows, names: Sequence[str]) -> int:
        """Score rows that are new in the index of a clip; return how many hits they add."""
        with self._lock:
            if self._named is None:  # it is scored with all that there is
                return 0
            known = [named.frames for of, named in self._named if of == clip]
            new = rows[~np.isin(rows["frame"], np.concatenate([*known, []]))]
            named = name_rows(new, self._base, self._bank, self._scoring)
            self._named.append((clip, named))
            added = self._of(clip, named, names)
            self._hits += added
            return len(added)

    def _of(self, clip: str, named: NamedRows, names: Sequence[str]) -> list[ClipHit]:
        return hits_of(clip, find(named, self._bank, self._scoring), self._bank, names)


def _same_rows(bank: ClassBank, other: ClassBank) -> bool:
    return bank.crop is other.crop and bank.dense is other.dense
