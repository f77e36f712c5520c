"""The ceiling of few shots: a classifier of the same frozen features, trained on all boxes.

A logistic regression over the 768 features before the last layer of the embedding of things, of
every training box of the kind against all other road users. It names what level 1 proposes,
whatever super-class found it, so that only what level 1 misses is missing.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core import Detections
from drivemeta.core.boxes import nms
from drivemeta.core.score_rule import N_THING_CROPS
from drivemeta.core.things import is_thing
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.crops import to_tensor
from drivemeta.models.things import ThingEmbedding
from drivemeta.models.traced.networks import things_graph
from tools.fewshot.networks import OnnxNetwork
from tools.fewshot.road_scenes import NAMES, PARENTS, RoadScenes
from tools.fewshot.scenes import CropEmbedding, Scenes

MOST = {"vehicle": 4000, "pedestrian": 2500}  # of ordinary road users, the first ones
LEAST_SIDE = 6.0
RIDGE = 1e-3


class Boxes(NamedTuple):
    """Training boxes: (n, 768) features and (n,) names."""

    features: Tensor
    names: NDArray[np.str_]


class _Features(nn.Module):
    """What the last layer of an embedding of things is given."""

    def __init__(self, things: ThingEmbedding) -> None:
        super().__init__()
        self.things = things

    def forward(self, crops: Tensor) -> Tensor:
        return self.things.features(self.things.backbone(crops))


class Ceiling:
    """Features of all training boxes, and of what level 1 proposes.

    Args:
        roads: Scenes.
    """

    def __init__(self, roads: RoadScenes) -> None:
        things = roads.plain.things
        assert isinstance(things, ThingEmbedding)
        self._roads, self._network = roads, OnnxNetwork(things_graph(_Features(things)))
        self._seen = CropEmbedding(roads.plain.crops, self._embed, roads.embedded / "features")
        self._boxes = self._training_boxes()

    def learn(self, kind: str) -> CeilingFinder:
        """Tell a kind from all other road users."""
        features, names = self._boxes
        mean, spread = features.mean(0), features.std(0) + 1e-6
        wanted = torch.from_numpy(names == kind).float()
        weights, bias = logistic((features - mean) / spread, wanted)
        return CeilingFinder(kind, self._seen, weights / spread, bias - mean @ (weights / spread))

    def _embed(self, crops: Tensor, *, things: bool = True) -> Tensor:  # noqa: ARG002
        return torch.cat([_tensor(self._network(part)) for part in torch.split(crops, 32)])

    def _training_boxes(self) -> Boxes:
        wanted = {name: kind for name, kind in NAMES.items() if kind in {*PARENTS, *MOST}}
        data = self._roads.all.split("train").map_classes(wanted, [*PARENTS, *MOST])
        counts = dict.fromkeys(data.classes, 0)
        features, names = [], []
        for image in data.images:
            sides = (image.boxes[:, 2:] - image.boxes[:, :2]).min(1, initial=np.inf)
            kinds = [data.classes[label] for label in image.labels]
            chosen = []
            for i, kind in enumerate(kinds):
                if sides[i] >= LEAST_SIDE and counts[kind] < MOST.get(kind, np.inf):
                    counts[kind] += 1
                    chosen.append(i)
            if chosen:
                frame = to_tensor(read_image(image.path))
                boxes = torch.from_numpy(image.boxes[chosen])
                features.append(self._embed(self._roads.plain.crops(frame, boxes, things=True)))
                names += [kinds[i] for i in chosen]
        return Boxes(torch.cat(features), np.array(names))


class CeilingFinder:
    """Names the best proposals of each super-class of things.

    Args:
        kind: Kind that is named.
        seen: Features of boxes.
        weights: (768,) float32.
        bias: Scalar.
    """

    def __init__(self, kind: str, seen: CropEmbedding, weights: Tensor, bias: Tensor) -> None:
        self._kind, self._seen = kind, seen
        self._weights, self._bias = weights.numpy(), float(bias)

    @property
    def tree(self) -> ClassTree:
        """Return the kind alone."""
        return ClassTree((self._kind,), (None,), ("novel",))

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what is found in one image."""
        detector = scenes.detector
        located, things = (
            scenes.locate(detector.bank, index),
            is_thing(detector.bank.names, detector.scoring),
        )
        best = [
            np.flatnonzero(located.roots == root)[:N_THING_CROPS] for root in np.flatnonzero(things)
        ]
        chosen = np.sort(np.concatenate(best))
        boxes, none = located.boxes[chosen], np.zeros(0, np.float32)
        logits = none
        if len(chosen):
            logits = self._seen(scenes.scene(index), boxes, things=True) @ self._weights
        scores = located.scores[chosen] / (1 + np.exp(-(logits + self._bias)))
        scores = scores.astype(np.float32)
        labels = np.zeros(len(chosen), np.int64)
        order = np.argsort(-scores, kind="stable")
        kept = order[nms(boxes[order], scores[order], labels, detector.scoring.nms_iou)]
        return Detections(boxes[kept], scores[kept], labels[: len(kept)], (self._kind,))


def logistic(features: Tensor, wanted: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
    """Fit a logistic regression by LBFGS; return (dim,) weights and the bias.

    Args:
        features: (n, dim), of mean 0 and spread 1.
        wanted: (n,) 0 or 1.
        ridge: Weight of the squared weights.
    """
    weights = torch.zeros(features.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = features @ weights + bias
        total = F.binary_cross_entropy_with_logits(logits, wanted) + ridge * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach(), bias.detach()


@cache
def _ceiling_of(roads: RoadScenes) -> Ceiling:
    return Ceiling(roads)


def learn_all(roads: RoadScenes, kind: str) -> CeilingFinder:
    """Learn a kind from all its training boxes."""
    return _ceiling_of(roads).learn(kind)


def _tensor(found: tuple[Tensor, ...] | Tensor) -> Tensor:
    assert isinstance(found, Tensor)  # one output
    return found
