"""What is measured on the roads: what ships, peers, and the ceiling, a classifier of all boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.plugins.registry import default_registry
from tools.fewshot.networks import remembering
from tools.fewshot.peers.finetune import FineTuning
from tools.fewshot.peers.imagenet_things import ImageNetThings
from tools.fewshot.peers.interface import BankFinder, Finder, Method
from tools.fewshot.peers.sift import SiftMatching
from tools.fewshot.road_ceiling import learn_all
from tools.fewshot.road_scenes import RoadScenes

OURS = "drivemeta adapt"
CEILING = "classifier of all boxes"


@dataclass(frozen=True)
class RoadDraw:
    """A kind, and the boxes that it is learnt from.

    Attributes:
        kind: Kind.
        shots: Number of its boxes, 0 for all.
        seed: Seed that draws them.
        parent: Super-class that peers are told, the one that `drivemeta adapt` chose.
    """

    kind: str
    shots: int
    seed: int
    parent: str = ""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What finds a kind, and what there is to say of the learning.

    Attributes:
        finder: What finds it.
        threshold: Score from which the kind is reported, NaN for none.
        facts: Further facts, JSON values.
    """

    finder: Finder
    threshold: float = float("nan")
    facts: dict[str, Any] = field(default_factory=dict)


class RoadMethod(Protocol):
    """A way to learn a kind from the boxes of a draw."""

    def __call__(self, roads: RoadScenes, draw: RoadDraw) -> Learnt:
        """Learn it."""


def adapted(roads: RoadScenes, draw: RoadDraw) -> Learnt:
    """Learn as `drivemeta adapt` does."""
    support = roads.support(draw.kind, draw.shots, draw.seed)
    with remembering():
        found = adapt(roads.fast, support, default_registry().create("learner", "protonet"))
    (verdict,) = verdicts(found, diagnose_support(found), found.record.frames_held)
    row = found.classes[0]
    facts = {
        "parent": row.parent or "",
        "found": row.found,
        "grade": verdict.grade,
        "verdict": verdict.line,
    }
    return Learnt(BankFinder(found.detector.bank), row.threshold, facts)


def peer(roads: RoadScenes, draw: RoadDraw, method: Method) -> Learnt:
    """Learn by a peer, a new kind of object below cyclists."""
    support = roads.support(draw.kind, draw.shots, draw.seed)
    with remembering():
        return Learnt(method.learn(roads.fast, support, draw.parent or "cyclist"))


def ceiling(roads: RoadScenes, draw: RoadDraw) -> Learnt:
    """Learn from all boxes."""
    return Learnt(learn_all(roads, draw.kind))


def _peer(make: Callable[[], Method]) -> RoadMethod:
    return partial(peer, method=make())


methods: dict[str, Callable[[], RoadMethod]] = {
    OURS: lambda: adapted,
    "ImageNet features": lambda: _peer(ImageNetThings),
    "SIFT matching": lambda: _peer(SiftMatching),
    # Scenes are looked at one by one, so that the maps of one are enough.
    "fine-tuned head": lambda: _peer(partial(FineTuning, "head", 200, 1e-3, n_kept=1)),
    CEILING: lambda: ceiling,
}
"""What makes each method, by the name of its row."""
