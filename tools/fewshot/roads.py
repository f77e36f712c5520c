"""Kinds of road users, each learnt from a few boxes of BDD and found on its validation scenes.

    python -m tools.fewshot.roads --shots 5 --seeds 2
    python -m tools.fewshot.roads --things runs/things_held/things.safetensors --no-shipped-kinds

Prints a line a draw: AP50 of the kind, in how many frames without one it raises a false alarm at
its threshold, AP50 of vehicle and pedestrian beside it, and the verdict of `adapt`. With
`--no-shipped-kinds` nothing of the five kinds is among the things that ship, as for a kind that is
new; give weights that never met them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from drivemeta.adaptation import bank_rows, hard_negatives
from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.banks.replay import load_replay
from drivemeta.core import ClassBank, Detections
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers import read_coco
from drivemeta.data.support import SupportSet, draw_boxes
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import truth_of
from drivemeta.evaluation.matching import Matches, match
from drivemeta.models.store import load_base
from drivemeta.models.thing_store import with_things
from drivemeta.plugins.registry import default_registry
from tools.fewshot.networks import on_onnx_runtime, remembering
from tools.fewshot.scenes import Scenes

PARENTS = {"bus": "vehicle", "truck": "vehicle", "motorcycle": None, "bicycle": None, "rider": None}
BASE = ("vehicle", "pedestrian", "traffic_light", "traffic_sign")
NAMES = {
    "car": "vehicle",
    "train": "vehicle",
    "person": "pedestrian",
    "motor": "motorcycle",
    "traffic light": "traffic_light",
    "traffic sign": "traffic_sign",
    "bike": "bicycle",
    **{name: name for name in ("bus", "truck", "rider")},
}
KNOWN_ALSO_AS = ("cyclist",)  # riders with their machines, in the store of things
# A kind counts as its super-class here, whatever it was found by.
TREE = ClassTree(
    (*PARENTS, *BASE),
    (*PARENTS.values(), *(None for _ in BASE)),
    (*("novel" for _ in PARENTS), *("base" for _ in BASE)),
)


@dataclass(frozen=True)
class Figures:
    """How a class does.

    Attributes:
        ap50: AP50 in percent.
        alarmed: Share of the frames without the class in which it is reported at its threshold.
    """

    ap50: float
    alarmed: float


class Roads:
    """BDD's scenes, whose level 1 runs once."""

    def __init__(self, scenes: Path, things: Path | None, cache: Path) -> None:
        base = load_base()
        self.fast = on_onnx_runtime(with_things(base, things) if things else base, cache)
        data = read_coco(scenes / "bdd" / "annotations.json")
        kinds = {name: kind for name, kind in NAMES.items() if kind in PARENTS}
        self.train = data.split("train").map_classes(kinds, list(PARENTS))
        self.val = data.split("val").map_classes(NAMES, [*PARENTS, *BASE])
        self._scenes = Scenes(self.fast, [image.path for image in self.val.images])

    def learn(self, kind: str, shots: int, seed: int) -> Adapted:
        """Adapt to one kind by as many of its boxes."""
        own = self.train.map_classes({kind: kind}, [kind])
        with remembering():
            learner = default_registry().create("learner", "protonet")
            return adapt(self.fast, SupportSet(draw_boxes(own, shots, seed)), learner)

    def score(self, bank: ClassBank, names: tuple[str, ...]) -> dict[str, Figures]:
        """Return the figures of some classes with a bank."""
        found = [self._scenes.detect(bank, index) for index in range(len(self.val))]
        return {name: _figures(self.val, found, bank, name) for name in names}


def _figures(val: Dataset, found: list[Detections], bank: ClassBank, name: str) -> Figures:
    labels = [i for i, own in enumerate(bank.names) if name in (own, PARENTS.get(own))]
    threshold = bank.classes[bank.index(name)].threshold
    outcomes, n_truth, alarmed = [], [], []
    for image, seen in zip(val.images, found, strict=True):
        boxes, ignore = truth_of(image, val, TREE, name)
        mine = seen[np.isin(seen.labels, labels)]
        outcomes.append(match(mine.boxes, mine.scores, boxes, ignore))
        n_truth.append(int((~ignore).sum()))
        if not len(boxes):
            alarmed.append(bool((mine.scores >= threshold).any()))
    ap50 = Matches.collect(outcomes, n_truth).average_precision()
    return Figures(100 * ap50, float(np.mean(alarmed or [False])))


def _lines(roads: Roads, kinds: list[str], shots: list[int], seeds: int) -> Iterator[str]:
    alone = roads.score(roads.fast.bank, ("vehicle", "pedestrian"))
    figures = ", ".join(f"{name} {found.ap50:.1f}" for name, found in alone.items())
    yield f"base alone: {figures}"
    for kind in kinds:
        for n_shots in shots:
            for seed in range(seeds):
                adapted = roads.learn(kind, n_shots, seed)
                scores = roads.score(adapted.detector.bank, (kind, "vehicle", "pedestrian"))
                held = adapted.record.frames_held
                (verdict,) = verdicts(adapted, diagnose_support(adapted), held)
                row = adapted.classes[0]
                yield (
                    f"{kind}, {n_shots} shots, seed {seed}: AP50 {scores[kind].ap50:.1f}, false "
                    f"alarm in {100 * scores[kind].alarmed:.0f} % of frames, vehicle "
                    f"{scores['vehicle'].ap50:.1f}, pedestrian {scores['pedestrian'].ap50:.1f}; "
                    f"{row.parent or 'new kind'}, found {row.found}, threshold "
                    f"{row.threshold:.2f}; {verdict.line}"
                )


def main() -> None:
    """Print a line a draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--kinds", nargs="+", choices=list(PARENTS), default=list(PARENTS))
    add("--shots", type=int, nargs="+", default=[5])
    add("--seeds", type=int, default=2)
    add("--things", type=Path, help="weights of the embedding of things; those that ship if absent")
    add(
        "--no-shipped-kinds",
        action="store_true",
        help="leave the kinds out of the things that ship",
    )
    add("--cache", type=Path, default=Path("runs/fewshot"), help="folder, some GB")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    store = load_replay()
    if arguments.no_shipped_kinds:
        store = store.without((*PARENTS, *KNOWN_ALSO_AS))
    roads = Roads(arguments.scenes, arguments.things, arguments.cache)
    with (
        patch.object(bank_rows, "load_replay", lambda: store),
        patch.object(hard_negatives, "load_replay", lambda: store),
    ):
        for line in _lines(roads, arguments.kinds, arguments.shots, arguments.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
