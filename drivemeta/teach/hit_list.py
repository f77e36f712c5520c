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
from drivemeta.teach.located import locate_rows
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
        self._hits: tuple[ClipHit, ...] = ()

    def all(self) -> tuple[ClipHit, ...]:
        """Return the hits as they were told last, in no order."""
        return self._hits

    def score(
        self, bank: ClassBank, indexes: Mapping[str, ClipIndex], names: Sequence[str]
    ) -> bool:
        """Tell the hits anew, if the bank is another; return whether it is.

        What only a part of the bank says is asked for where that part is another: level 1, level
        2, or thresholds alone.

        Args:
            bank: Classes.
            indexes: Index of each clip by its name.
            names: Classes that hits are wanted of.
        """
        with self._lock:
            named = self._named
            if named is None or bank.dense is not self._bank.dense:
                named = [
                    (clip, self._name(rows, bank))
                    for clip, index in indexes.items()
                    for rows in index.parts()
                ]
            elif bank.crop is not self._bank.crop or bank.names != self._bank.names:
                scoring = self._scoring
                named = [(clip, name_rows(was.located, bank, scoring)) for clip, was in named]
            elif bank.classes == self._bank.classes:
                return False
            self._bank, self._named = bank, named
            self._hits = tuple(hit for part in named for hit in self._of(*part, names))
            return True

    def grow(self, clip: str, rows: Rows, names: Sequence[str]) -> int:
        """Score rows that are new in the index of a clip; return how many hits they add."""
        with self._lock:
            if self._named is None:  # it is scored with all that there is
                return 0
            known = [named.located.frames for of, named in self._named if of == clip]
            new = rows[~np.isin(rows["frame"], np.concatenate([*known, []]))]
            named = self._name(new, self._bank)
            self._named.append((clip, named))
            added = self._of(clip, named, names)
            self._hits += tuple(added)
            return len(added)

    def _name(self, rows: Rows, bank: ClassBank) -> NamedRows:
        located = locate_rows(rows, self._base, bank, self._scoring)
        return name_rows(located, bank, self._scoring)

    def _of(self, clip: str, named: NamedRows, names: Sequence[str]) -> list[ClipHit]:
        return hits_of(clip, find(named, self._bank), self._bank, names)
