"""Learner plugins as methods of the few-shot benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.thing_layer import MixedKindsError
from drivemeta.core import ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.branch import Branched
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.features import Level2Features
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.registry import default_registry
from tools.fewshot.peers.interface import BankFinder, Finder
from tools.fewshot.scenes import CropEmbedding, Scene, Scenes, embedding_of


class AdaptedBy:
    """`drivemeta.adapt` with one learner plugin.

    Args:
        learner: Name of the plugin.
        parameters: Parameters of its constructor.
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
        """Adapt; the super-class of the new classes is the one that the base finds them by.

        Of a learner with one layer it is the one given, if the base finds some by none.
        """
        plugin = default_registry().create("learner", self._learner, **self.parameters)
        try:
            adapted = adapt(detector, support, plugin).detector
        except MixedKindsError:  # it asks for the super-class, which whoever drew the boxes knows
            adapted = adapt(detector, support, plugin, parent=parent).detector
        if isinstance(adapted.level2, Branched):
            return BranchFinder(adapted.bank, adapted.level2)
        return BankFinder(adapted.bank)


@dataclass(frozen=True, eq=False)
class BranchFinder:
    """Finds by a class bank over a level 2 with a branch; the layers below run once a crop.

    Attributes:
        bank: Class bank with the classes learnt.
        level2: Level 2 with the branch.
    """

    bank: ClassBank
    level2: Branched

    @property
    def tree(self) -> ClassTree:
        """Return the classes of the bank."""
        return ClassTree.of(self.bank.classes)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what the detector finds in one image."""
        features = _features_of(scenes, self.level2.level2)
        layer = LastLayer.of(self.level2.level2.project)

        @torch.no_grad()
        def embed(scene: Scene, boxes: FloatArray, *, things: bool) -> FloatArray:
            found = torch.from_numpy(features(scene, boxes, things=things))
            return torch.cat([layer(found), self.level2.branch(found)], 1).numpy()

        return scenes.with_embedding(embed).detect(self.bank, index)


def _features_of(scenes: Scenes, level2: Level2) -> CropEmbedding:
    if scenes not in _FEATURES:
        context = scenes.detector.scoring.context
        _FEATURES[scenes] = embedding_of(Level2Features(level2), context)
    return _FEATURES[scenes]


_FEATURES: WeakKeyDictionary[Scenes, CropEmbedding] = WeakKeyDictionary()
