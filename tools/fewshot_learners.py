"""Learner plugins as methods of the few-shot benchmark."""

from __future__ import annotations

from typing import Any

from peers.interface import BankFinder, Finder

from drivemeta.data.support import SupportSet
from drivemeta.learn.adapt import adapt
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.registry import default_registry


class AdaptedBy:
    """`drivemeta.adapt` with one learner plugin.

    Args:
        learner: name of the plugin.
        parameters: of its constructor.
    """

    slow = False

    def __init__(self, learner: str, parameters: dict[str, Any] | None = None) -> None:
        self.name = learner
        self.parameters = dict(parameters or {})
        self.summary = f"`drivemeta adapt --learner {learner}`"
        if self.parameters:
            given = ", ".join(f"{key} {value}" for key, value in self.parameters.items())
            self.name, self.summary = f"{learner} ({given})", f"{self.summary} with {given}"
        self._learner = learner

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Adapt; the super-class of the new classes is the one that the base finds them by."""
        del parent
        plugin = default_registry().create("learner", self._learner, **self.parameters)
        return BankFinder(adapt(detector, support, plugin).detector.bank)
