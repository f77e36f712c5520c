"""The peer of the embedding of things: features of a network that saw ImageNet alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.frame_crops import box_views
from drivemeta.adaptation.observation import observe
from drivemeta.core.boxes import FloatArray
from drivemeta.data.support import SupportSet
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.networks import trunk_graph
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.training.base.imagenet import load_imagenet
from tools.fewshot.networks import OnnxNetwork
from tools.fewshot.peers.interface import Finder
from tools.fewshot.peers.naming import EmbeddingFinder, bank_of
from tools.fewshot.scenes import CropEmbedding, Scene

# What was best of untrained features on crops of things.
SIZE, CONTEXT, TAP, WIDTH = 128, 1.1, 15, 320


class ImageNetThings:
    """Features of EfficientNet-Lite0 at stride 32, 2 x 2 places of crops of 128 pixels.

    Args:
        scale: Inverse temperature of the names.
        floor: Least probability of a name; both first guesses, not tuned.
    """

    name = "ImageNet features"
    summary = (
        "level 1's boxes named by prototypes of untrained EfficientNet-Lite0 features (stride 32, "
        "2 x 2 places, 128 pixels, centred on the support frames)"
    )
    slow = False

    def __init__(self, scale: float = 15.0, floor: float = 0.05) -> None:
        self.parameters: dict[str, Any] = {"scale": scale, "floor": floor, "version": 1}
        self._scale, self._floor = scale, floor
        self._network = OnnxNetwork(trunk_graph(_Places().eval(), (SIZE, SIZE), ["features"]))
        self._seen = CropEmbedding(self._cut, self._pool)

    @torch.no_grad()
    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Average the features of each class."""
        evidence = observe(detector, support)
        views, negatives = self._views(evidence)
        mean = torch.cat([views, negatives]).mean(0)
        task: LabelledImages = replace(
            evidence.labelled,
            images=F.normalize(views - mean, dim=-1),
            negatives=F.normalize(negatives - mean, dim=-1),
        )
        bank = bank_of(detector, task, nn.Identity(), parent)
        scoring = replace(detector.scoring, thing_scale=self._scale, thing_floor=self._floor)
        return EmbeddingFinder(bank, scoring, _Centred(self._seen, mean))

    def _views(self, evidence: Evidence) -> tuple[Tensor, Tensor]:
        """Return the features of the views of each box, and those of the negatives."""
        views, negatives = [], []
        for number, (image, boxes) in enumerate(evidence.frames):
            frame = to_tensor(image)
            views += [self._pool(box_views(frame, box, CONTEXT, SIZE)) for box in boxes]
            rest = evidence.negatives.boxes[evidence.negatives.frames == number]
            negatives.append(self._pool(self._cut(frame, torch.from_numpy(rest))))
        return torch.cat(views), torch.cat(negatives)

    @staticmethod
    def _cut(frame: Tensor, boxes: Tensor, *, things: bool = True) -> Tensor:  # noqa: ARG004
        return roi_crops(frame, boxes, CONTEXT, SIZE)

    def _pool(self, crops: Tensor, *, things: bool = True) -> Tensor:  # noqa: ARG002
        if not len(crops):
            return torch.zeros(0, 4 * WIDTH)
        return torch.cat([torch.as_tensor(self._network(part)) for part in torch.split(crops, 32)])


class _Places(nn.Module):
    """Features of crops in four quarters."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0((TAP,))
        load_imagenet(self.backbone)

    def forward(self, crops: Tensor) -> Tensor:
        return F.avg_pool2d(self.backbone(crops)[0], SIZE // 64).flatten(1)


class _Centred:
    """Features of boxes, seen from the mean of some support frames."""

    def __init__(self, seen: CropEmbedding, mean: Tensor) -> None:
        self._seen, self._mean = seen, mean

    def __call__(self, scene: Scene, boxes: FloatArray, *, things: bool) -> FloatArray:
        """Return the (n, 1280) features of (n, 4) boxes, L2-normalised."""
        features = torch.from_numpy(self._seen(scene, boxes, things=things))
        return F.normalize(features - self._mean, dim=-1).numpy()
