"""What the few-shot benchmark asks of a way to learn classes from shots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from drivemeta.core import ClassBank, Detections
from drivemeta.core.scoring import Scoring
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.detector import TwoLevelDetector
from tools.fewshot.scenes import Scenes


class Finder(Protocol):
    """Finds base classes and the classes learnt."""

    @property
    def tree(self) -> ClassTree:
        """Return its classes, in the order of its labels."""

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what it finds in one image, every score down to 0.001."""


class Method(Protocol):
    """A way to learn classes from shots.

    Attributes:
        name: Name of the row.
        summary: Words on what it does, for the page.
        parameters: Parameters that its result depends on, as JSON values.
        slow: Whether it trains layers for seconds, so it gets fewer seeds.
    """

    name: str
    summary: str
    parameters: dict[str, Any]
    slow: bool

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Learn the classes of a support set.

        Args:
            detector: the base; it is not changed.
            support: the boxes drawn; the rest of their images' novel boxes are to be ignored.
            parent: super-class of the classes.
        """


@dataclass(frozen=True, eq=False)
class BankFinder:
    """Finds by a class bank on the networks of the scenes.

    Attributes:
        bank: Class bank with the classes learnt.
        scoring: Constants in the place of the detector's own.
    """

    bank: ClassBank
    scoring: Scoring | None = None

    @property
    def tree(self) -> ClassTree:
        """Return the classes of the bank."""
        return ClassTree.of(self.bank.classes)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what the detector finds in one image."""
        return scenes.detect(self.bank, index, self.scoring)
