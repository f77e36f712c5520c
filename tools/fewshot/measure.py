"""One row of the few-shot table: a method on a base, over seeds and shot counts."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.data.dataset import Dataset
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.fewshot import Draw, Trial, difference, estimate
from drivemeta.evaluation.operating_point import match_class
from drivemeta.training.base.sources import load_source, to_dataset
from tools.fewshot.bases import Base, banks_in
from tools.fewshot.networks import digest, remembering
from tools.fewshot.peers.interface import BankFinder, Finder, Method
from tools.fewshot.protocols import Protocol
from tools.fewshot.scenes import Scenes
from tools.fewshot.store import TrialStore

Row = dict[str, Any]
# Of how trials are made: results kept by another version are made anew.
VERSION = 7


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        shots: Numbers of boxes a class.
        seeds: Number of seeds.
        slow_seeds: Number of seeds for methods that train layers.
        store: Folder that keeps every result, None for none.
    """

    shots: tuple[int, ...]
    seeds: int
    slow_seeds: int
    store: Path | None


@dataclass(frozen=True, eq=False)
class Stage:
    """The images that methods are scored on, with what level 1 says of them.

    Attributes:
        protocol: Few-shot problem.
        scenes: Scenes of its images.
        roads: Data set with every base class annotated, None to leave them out.
        road_scenes: Scenes of those images.
    """

    protocol: Protocol
    scenes: Scenes
    roads: Dataset | None
    road_scenes: Scenes | None

    @classmethod
    def of(cls, base: Base, protocol: Protocol, roads: Dataset | None) -> Stage:
        """Set the stage for one base."""
        scenes = Scenes(base.scored, [image.path for image in protocol.truth.images])
        if roads is None:
            return cls(protocol, scenes, None, None)
        return cls(protocol, scenes, roads, Scenes(base.scored, [i.path for i in roads.images]))

    def score(self, finder: Finder, query: NDArray[np.int64], seed: int, seconds: float) -> Score:
        """Return the trials by part: `novel` and, if there are any, `roads`."""
        truth = self.protocol.truth
        found = {"novel": _trial(finder, self.scenes, truth, query, (seed, seconds))}
        if self.roads is not None and self.road_scenes is not None:
            all_roads = np.arange(len(self.roads))
            pair = (seed, seconds)
            found["roads"] = _trial(finder, self.road_scenes, self.roads, all_roads, pair)
        return found


Score = dict[str, Trial]


def road_images(scenes: Path, n_images: int) -> Dataset | None:
    """Return the first BDD validation images, None for no images."""
    return to_dataset(load_source(scenes, "bdd", "val")[:n_images]) if n_images else None


def measure(base: Base, method: Method, stage: Stage, plan: Plan) -> Row:
    """Return one row; a method that fails gives a row with its error."""
    row: Row = {
        "protocol": stage.protocol.name,
        "base": base.name,
        "level1": digest(base.plain.level1),
        "method": method.name,
        "summary": method.summary,
        "seeds": plan.slow_seeds if method.slow else plan.seeds,
        "images": len(stage.protocol.truth),
        "boxes": stage.protocol.boxes(),
    }
    try:
        with banks_in(base.banks):
            before, after = trials(base, method, stage, plan)
    except Exception as error:  # noqa: BLE001  (others' methods may raise anything; the row says it)
        traceback.print_exc()
        return row | {"error": f"{type(error).__name__}: {error}"}
    names = stage.protocol.names
    shots = {}
    for n_shots, mine in after.items():
        classes = {name: _mean([t["novel"].ap50([name]) for t in mine]) for name in names}
        shots[str(n_shots)] = _cell(mine, before, stage) | {"classes": classes}
    return row | {"shots": shots}


def trials(
    base: Base, method: Method, stage: Stage, plan: Plan
) -> tuple[list[Score], dict[int, list[Score]]]:
    """Return the trials of the base alone, and those of each shot count."""
    alone, store = _stores(base, method, stage, plan)
    before = []
    after: dict[int, list[Score]] = {n: [] for n in plan.shots}
    unchanged = _Unchanged(base.fast.bank)
    for seed in range(plan.slow_seeds if method.slow else plan.seeds):
        draw = stage.protocol.draw(plan.shots, seed)
        before.append(
            alone.trial(seed, 0, partial(stage.score, unchanged, draw.query, draw.seed, 0.0))
        )
        for n_shots, boxes in draw.supports.items():
            support = SupportSet(boxes)
            make = partial(_score, base, method, stage, support, draw)
            score = store.trial(seed, n_shots, make)
            after[n_shots].append(score)
            _tell(base, method, stage, n_shots, score)
    return before, after


@dataclass(frozen=True, eq=False)
class _Unchanged(BankFinder):
    """The base alone, which finds in an image what it found there for another seed."""

    found: dict[tuple[Scenes, int], Detections] = field(default_factory=dict)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what the base finds in one image."""
        if (scenes, index) not in self.found:
            self.found[scenes, index] = super().detect(scenes, index)
        return self.found[scenes, index]


def _stores(base: Base, method: Method, stage: Stage, plan: Plan) -> tuple[TrialStore, TrialStore]:
    """Return what keeps the trials of the base alone, and those of the method."""
    common = {
        "base": base.key,
        "protocol": stage.protocol.name,
        "limit": stage.protocol.limit,
        "shots": max(10, *plan.shots),
        "version": VERSION,
        "roads": len(stage.roads) if stage.roads else 0,
    }
    own = {"method": method.name, "parameters": method.parameters}
    return (
        TrialStore(plan.store, common | {"method": "base alone"}),
        TrialStore(plan.store, common | own),
    )


def _score(base: Base, method: Method, stage: Stage, support: SupportSet, draw: Draw) -> Score:
    """Learn from one support and score what comes of it."""
    started = time.perf_counter()
    with remembering():
        finder = method.learn(base.fast, support, stage.protocol.base)
    passed = time.perf_counter() - started
    if base.int8 is not None and not isinstance(finder, BankFinder):
        raise InputError(
            f"expected a method that learns rows alone, found {method.name}: for what it adds to "
            "level 2 no ranges of int8 ship"
        )
    return stage.score(finder, draw.query, draw.seed, passed)


def _trial(
    finder: Finder,
    scenes: Scenes,
    truth: Dataset,
    query: NDArray[np.int64],
    seed_and_seconds: tuple[int, float],
) -> Trial:
    tree, wanted = grown(finder.tree, truth), truth.select(query.tolist())
    found = [finder.detect(scenes, int(index)) for index in query]
    matches = {name: match_class(wanted, found, tree, name) for name in truth.classes}
    return Trial(seed_and_seconds[0], query, matches, seed_and_seconds[1])


def grown(tree: ClassTree, truth: Dataset) -> ClassTree:
    """Return a tree that has all classes of the truth, new ones below its last class.

    So a base that has not learnt the novel classes yet is still to find them as their super-class.
    """
    new = tuple(name for name in truth.classes if name not in tree.names)
    parents: tuple[str | None, ...] = (truth.classes[-1],) * len(new)
    origins = ("novel",) * len(new)
    return ClassTree(tree.names + new, tree.parents + parents, tree.origins + origins)


def _cell(mine: Sequence[Score], before: Sequence[Score], stage: Stage) -> dict[str, Any]:
    """Return the estimates of one shot count."""
    novel, alone = [t["novel"] for t in mine], [t["novel"] for t in before]
    base = [stage.protocol.base]
    cell = {
        "novel": asdict(estimate(novel, stage.protocol.names)),
        "base_before": asdict(estimate(alone, base)),
        "base": asdict(estimate(novel, base)),
        "base_change": asdict(difference(novel, alone, base)),
    }
    if stage.roads is not None:
        roads, once = [t["roads"] for t in mine], [t["roads"] for t in before]
        names = [name for name, n in stage.roads.n_boxes().items() if n]
        cell["roads_before"] = asdict(estimate(once, names))
        cell["roads_change"] = asdict(difference(roads, once, names))
    return cell


def _tell(base: Base, method: Method, stage: Stage, n_shots: int, score: Score) -> None:
    trial, protocol = score["novel"], stage.protocol
    print(
        f"{protocol.name} | {base.name} | {method.name} | seed {trial.seed} shots {n_shots}: "
        f"novel {trial.ap50(protocol.names):.3f} base {trial.ap50([protocol.base]):.3f} "
        f"({trial.seconds:.1f} s)",
        flush=True,
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
