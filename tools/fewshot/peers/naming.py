"""Peers that find by level 1 and name what it finds by something simpler than level 2.

All share our score rule, so that they differ from it in nothing but what they compare: the boxes
of level 1, prototypes of the shots, prototypes of what else level 1 proposes in the support frames,
a softmax over both. Named banks are left out, for they were made by our training.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from drivemeta.adaptation.observation import observe
from drivemeta.core import BankRows, ClassBank, ClassSpec, Detections, Letterbox
from drivemeta.core.boxes import FloatArray, clip_boxes
from drivemeta.core.scoring import Scoring
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.errors import PluginError
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.assignment import pairwise_iou, prior
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import grid
from drivemeta.models.traced.proposals import dense_of, propose
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.registry import default_registry
from drivemeta.training.base.imagenet import load_imagenet
from tools.fewshot.peers.interface import Finder
from tools.fewshot.scenes import Embedding, Scene, Scenes, embedding_of, with_scale

N_LOCATIONS = 4


class EmbeddingFinder:
    """Finds by a bank whose level-2 rows belong to another embedding than level 2's."""

    def __init__(self, bank: ClassBank, scoring: Scoring, embedding: Embedding) -> None:
        self.bank = bank
        self._scoring = scoring
        self._embedding = embedding

    @property
    def tree(self) -> ClassTree:
        """Return the classes of the bank."""
        return ClassTree.of(self.bank.classes)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what is found in one image."""
        return scenes.with_embedding(self._embedding).detect(self.bank, index, self._scoring)


class DensePrototypes:
    """Level 1's own dense embedding in the place of level 2's.

    Args:
        scale: Inverse temperature of the names; a first guess, not tuned.
    """

    name = "dense prototypes"
    summary = "level 1 alone: its boxes are named by prototypes of its dense embedding at the shots"
    slow = False

    def __init__(self, scale: float = 30.0) -> None:
        self.parameters: dict[str, Any] = {"scale": scale, "version": 1}
        self._scale = scale

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Average the dense embeddings of each class."""
        vectors, labels, negatives = [], [], []
        for item in support.images:
            image = read_image(item.path)
            shots = _dense_at(detector, image, item.boxes[~item.ignore])
            vectors.append(shots)
            labels.append(torch.from_numpy(item.labels[~item.ignore]))
            found = propose(detector, image)
            rest = found.boxes[apart(found.boxes, item.boxes)][:24]
            negatives.append(torch.from_numpy(_dense_of(detector, image, rest)))
        task = LabelledImages(
            torch.cat(vectors),
            torch.cat(labels),
            torch.arange(sum(map(len, labels))),
            support.classes,
            torch.cat(negatives),
        )
        bank = bank_of(detector, task, nn.Identity(), parent)
        scoring = with_scale(detector.scoring, self._scale)
        return EmbeddingFinder(bank, scoring, DenseEmbedding(detector))


class DenseEmbedding:
    """Embeds level 1's boxes by the locations that predicted them."""

    def __init__(self, detector: TwoLevelDetector) -> None:
        self._detector = detector

    def __call__(self, scene: Scene, boxes: FloatArray, *, things: bool) -> FloatArray:  # noqa: ARG002
        """Return the (n, dim) embeddings of (n, 4) boxes of that scene."""
        places = _places(scene.dense.boxes, boxes, scene.size, self._detector.input_size)
        return scene.dense.embeddings[places]


class ImageNetFeatures:
    """Features of a network that saw ImageNet alone.

    Args:
        tap: Index of the block of EfficientNet-Lite0 whose output is pooled.
        scale: Inverse temperature of the names; both first guesses, not tuned.
    """

    name = "ImageNet features"
    summary = (
        "level 1's boxes named by prototypes of pooled EfficientNet-Lite0 features (ImageNet "
        "weights, centred on the support frames) of the same crops"
    )
    slow = False

    def __init__(self, tap: int = 10, scale: float = 15.0) -> None:
        self.parameters: dict[str, Any] = {"tap": tap, "scale": scale, "version": 1}
        self._tap, self._scale = tap, scale

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Average the features of each class."""
        backbone = EfficientNetLite0()
        load_imagenet(backbone)
        labelled = observe(detector, support).labelled
        network = Pooled(EfficientNetLite0((self._tap,)), backbone)
        seen = torch.cat([labelled.images[::21], labelled.negatives])
        network.centre_on(seen)
        bank = bank_of(detector, labelled, network, parent)
        scoring = with_scale(detector.scoring, self._scale)
        return EmbeddingFinder(bank, scoring, embedding_of(network, scoring.context))


class Pooled(nn.Module):
    """Spatially pooled features of a backbone, centred and L2-normalised."""

    def __init__(self, backbone: EfficientNetLite0, weights: EfficientNetLite0) -> None:
        super().__init__()
        state = weights.state_dict()
        backbone.load_state_dict({key: state[key] for key in backbone.state_dict()})
        self.backbone = backbone.eval()
        self.mean: torch.Tensor | float = 0.0

    @torch.no_grad()
    def centre_on(self, crops: torch.Tensor) -> None:
        """Let the mean of some (n, 3, 64, 64) crops be the origin."""
        parts = [self._pool(part) for part in torch.split(crops, 64)]
        self.mean = torch.cat(parts).mean(0)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, 64, 64) crops to (n, channels)."""
        return F.normalize(self._pool(crops) - self.mean, dim=-1)

    def _pool(self, crops: torch.Tensor) -> torch.Tensor:
        # The mean over the place keeps what is where in four quarters.
        features = self.backbone(crops)[0]
        return F.adaptive_avg_pool2d(features, 2).flatten(1)


def bank_of(
    detector: TwoLevelDetector, task: LabelledImages, network: nn.Module, parent: str
) -> ClassBank:
    """Return the base's super-classes with new leaves below one, named by prototypes."""
    learner = default_registry().create("learner", "protonet")
    proposed = learner.fit(network, task).as_bank()
    if proposed is None:
        raise PluginError("learner protonet: expected class rows from `as_bank`, found None")
    supers = [spec for spec in detector.bank.classes if spec.parent is None]
    specs = [ClassSpec(name, parent, "novel") for name in task.names]
    owners = np.array(proposed.owners, np.int64)
    owners[owners >= 0] += len(supers)
    root = detector.bank.index(parent)
    rows = BankRows(
        np.asarray(proposed.weights, np.float32),
        np.asarray(proposed.biases, np.float32),
        owners,
        np.full(len(owners), root, np.int64),
    )
    return replace(detector.bank, classes=(*supers, *specs), crop=rows)


def apart(boxes: FloatArray, known: FloatArray) -> np.ndarray:
    """Return (n,): which boxes touch none of the known ones."""
    overlaps = pairwise_iou(torch.from_numpy(boxes), torch.from_numpy(known))
    return (overlaps.numpy().max(1, initial=0) < 0.3) if len(known) else np.ones(len(boxes), bool)


@torch.no_grad()
def _dense_at(detector: TwoLevelDetector, image: np.ndarray, boxes: FloatArray) -> torch.Tensor:
    """Return the (n, dim) mean embeddings at the best places of (n, 4) support boxes."""
    dense = dense_of(detector, image)
    size = (image.shape[0], image.shape[1])
    objects = torch.from_numpy(Letterbox.fit(size, detector.input_size).to_input(boxes))
    overlaps = pairwise_iou(torch.from_numpy(dense.boxes), objects)
    fit = prior(*grid(*detector.input_size, len(dense.boxes)), objects) * (0.2 + overlaps)  # (A, n)
    weights, index = fit.topk(N_LOCATIONS, dim=0)  # (k, n)
    picked = torch.from_numpy(dense.embeddings)[index] * weights[..., None]
    return F.normalize(picked.sum(0), dim=-1)


def _dense_of(detector: TwoLevelDetector, image: np.ndarray, boxes: FloatArray) -> FloatArray:
    """Return the (n, dim) embeddings of boxes that level 1 proposed."""
    dense = dense_of(detector, image)
    frame_hw = (image.shape[0], image.shape[1])
    return dense.embeddings[_places(dense.boxes, boxes, frame_hw, detector.input_size)]


def _places(
    dense: FloatArray, boxes: FloatArray, frame_hw: tuple[int, int], input_hw: tuple[int, int]
) -> NDArray[np.int64]:
    """Return (n,) the location whose box is nearest to each of (n, 4) boxes in frame pixels.

    Boxes are placed by the vote of several locations, so few are exactly that of one.
    """
    in_frame = clip_boxes(Letterbox.fit(frame_hw, input_hw).to_frame(dense), *frame_hw)
    overlaps = pairwise_iou(torch.from_numpy(in_frame), torch.from_numpy(boxes))
    return np.asarray(overlaps.argmax(0).numpy(), np.int64)
