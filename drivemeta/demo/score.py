"""How well one class was found in a clip whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivemeta.core import Detections
from drivemeta.evaluation.matching import HIT, MISS, match
from drivemeta.synthetic import SyntheticFrame

LEAST_SIDE_PX = 20.0


@dataclass
class ClipScore:
    """Counts over a clip; add a frame at a time.

    Boxes of `LEAST_SIDE_PX` and more that are clear are to be found; smaller or hidden ones may
    be found, but count neither way.

    Attributes:
        name: Name of the class.
        hits: Detections at IoU 0.5 with a box to be found.
        false_alarms: Detections of the class where it is not.
        missed: Boxes that were not found.
        signs: Identities of the objects to be found.
        signs_found: Identities of those found at least once.
        best: Greatest score times side of a hit, and its frame.
    """

    name: str
    hits: int = 0
    false_alarms: int = 0
    missed: int = 0
    signs: set[int] = field(default_factory=set)
    signs_found: set[int] = field(default_factory=set)
    best: tuple[float, int] = (0.0, 0)

    def add(self, index: int, found: Detections, truth: SyntheticFrame) -> None:
        """Count one frame.

        Args:
            index: Index of the frame.
            found: Detections of all classes.
            truth: Truth of the frame.
        """
        rows = np.array([leaf == self.name for leaf in truth.leaves], np.bool_)
        boxes, ids = truth.boxes[rows], truth.ids[rows]
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        wanted = truth.clear[rows] & (sides >= LEAST_SIDE_PX)
        own = np.array([name == self.name for name in found.names], np.bool_)
        _, outcomes = match(found.boxes[own], found.scores[own], boxes, ~wanted)
        hits = int((outcomes == HIT).sum())
        self.hits += hits
        self.false_alarms += int((outcomes == MISS).sum())
        self.missed += int(wanted.sum()) - hits
        self.signs.update(ids[wanted].tolist())
        for box, number in zip(boxes[wanted], ids[wanted].tolist(), strict=True):
            one = match(found.boxes[own], found.scores[own], box[None], np.zeros(1, np.bool_))
            hit = one[1] == HIT
            if hit.any():
                self.signs_found.add(number)
                worth = float(one[0][hit].max() * (box[2] - box[0]))
                self.best = max(self.best, (worth, index))

    @property
    def precision(self) -> float:
        """Part of the detections that are right; 0 without any."""
        return self.hits / max(self.hits + self.false_alarms, 1)

    @property
    def recall(self) -> float:
        """Part of the boxes that are found; 0 without any."""
        return self.hits / max(self.hits + self.missed, 1)
