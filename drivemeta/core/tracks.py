"""Detections that have an identity over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.detections import Detections, Index
from drivemeta.core.html import html_table

UNTRACKED = -1


@dataclass(frozen=True, eq=False)
class Tracks:
    """The objects of one frame with the identity a tracker gave them.

    Attributes:
        detections: Detections, n rows.
        ids: (n,) int64, the same number for the same object in every frame; `UNTRACKED` (-1)
            where the tracker has not confirmed an identity (yet).

    Raises:
        ValueError: `ids` is not (n,) int64.
    """

    detections: Detections
    ids: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.ids.shape != (len(self.detections),) or self.ids.dtype != np.int64:
            raise ValueError(
                f"Tracks.ids must be ({len(self.detections)},) int64, "
                f"found {self.ids.shape} {self.ids.dtype}"
            )

    @classmethod
    def untracked(cls, detections: Detections) -> Tracks:
        """Return detections without identities."""
        return cls(detections, np.full(len(detections), UNTRACKED, np.int64))

    def _repr_html_(self) -> str:
        found = self.detections
        rows = zip(self.ids, found.names, found.scores, found.boxes, strict=True)
        cells = (
            (track if track != UNTRACKED else "", name, f"{score:.2f}", *np.round(box, 1))
            for track, name, score, box in rows
        )
        return html_table(("id", "class", "score", "x1", "y1", "x2", "y2"), cells)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: Index) -> Tracks:
        """Select rows by a mask, by indices or by a slice."""
        return Tracks(self.detections[index], self.ids[index])
