"""BDD's scenes for kinds of road users: what is learnt from, what is scored, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivemeta.core import Detections
from drivemeta.data.readers import read_coco
from drivemeta.data.support import SupportSet, draw_boxes
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import Matches
from drivemeta.evaluation.operating_point import match_class
from drivemeta.models.store import load_base
from drivemeta.models.thing_store import with_things
from tools.fewshot.networks import digest, on_onnx_runtime
from tools.fewshot.peers.interface import Finder
from tools.fewshot.scenes import CropEmbedding, Scenes

PARENTS = {"bus": "vehicle", "truck": "vehicle", "motorcycle": None, "bicycle": None, "rider": None}
BASE = ("vehicle", "pedestrian", "traffic_light", "traffic_sign")
BESIDE = ("vehicle", "pedestrian")  # whose figures are told beside those of a kind
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


class RoadScenes:
    """BDD's scenes, whose level 1 runs once.

    Args:
        folder: Folder of all sources of scenes.
        things: Weights of the embedding of things; those that ship if None.
        cache: Folder of what networks say: of level 1, some 15 MB a frame that is learnt from and
            1 MB of the best places of those that are scored; of embeddings far less.

    Attributes:
        plain: Detector in torch.
        fast: The same on ONNX Runtime.
        train: Training scenes with boxes of the kinds alone.
        val: Validation scenes.
        scenes: What the networks say of these.
        cache: Folder of what depends on level 1 alone.
        embedded: Folder of what depends on the embedding of things too.
    """

    def __init__(self, folder: Path, things: Path | None, cache: Path) -> None:
        base = load_base()
        self.plain = with_things(base, things) if things else base
        self.fast = on_onnx_runtime(self.plain, cache)
        self.all = read_coco(folder / "bdd" / "annotations.json")
        kinds = {name: kind for name, kind in NAMES.items() if kind in PARENTS}
        self.train = self.all.split("train").map_classes(kinds, list(PARENTS))
        self.val = self.all.split("val").map_classes(NAMES, [*PARENTS, *BASE])
        assert self.plain.things is not None
        self.cache = cache / "roads" / digest(self.plain.level1)
        self.embedded = self.cache / digest(self.plain.things)
        self.scenes = Scenes(
            self.fast,
            [image.path for image in self.val.images],
            CropEmbedding(self.fast.crops, self.fast.embed, self.embedded / "things"),
            self.cache / "level1",
        )

    def support(self, kind: str, shots: int, seed: int) -> SupportSet:
        """Draw some boxes of one kind from the training scenes."""
        own = self.train.map_classes({kind: kind}, [kind])
        return SupportSet(draw_boxes(own, shots, seed))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was found of one kind on all validation scenes.

    Attributes:
        matches: Matches of the kind, and of the classes beside it that the finder finds.
        alarmed: Share of the frames without the kind in which it is reported at its threshold;
            NaN without one.
    """

    matches: Mapping[str, Matches]
    alarmed: float


def outcome_of(
    roads: RoadScenes, finder: Finder, found: Sequence[Detections], kind: str, threshold: float
) -> Outcome:
    """Return what was found of a kind, and of vehicles and pedestrians beside it.

    Args:
        roads: Scenes.
        finder: What found it.
        found: Detections in each validation scene.
        kind: Kind that was learnt.
        threshold: Score from which it is reported, NaN for none.
    """
    names = finder.tree.names
    told = [name for name in (kind, *BESIDE) if name in names]
    tree = _tree(names)
    matches = {name: match_class(roads.val, found, tree, name) for name in told}
    if np.isnan(threshold):
        return Outcome(matches, float("nan"))
    label = names.index(kind)
    without = matches[kind].n_truth == 0
    alarms = np.array([bool((f.scores[f.labels == label] >= threshold).any()) for f in found])
    return Outcome(matches, float(alarms[without].mean()))


def _tree(names: tuple[str, ...]) -> ClassTree:
    """Return a model's classes, and behind them those that it lacks, which count all the same.

    A kind counts as its super-class here, whatever it was found by.
    """
    known = (*names, *(name for name in (*PARENTS, *BASE) if name not in names))
    origins = ("novel" if name in PARENTS else "base" for name in known)
    return ClassTree(known, tuple(map(PARENTS.get, known)), tuple(origins))
