"""The loss of level 1 over a batch of images from sources that annotate different things."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.boxes import FloatArray
from drivemeta.models.assignment import assign
from drivemeta.models.level1 import Level1, grid
from drivemeta.models.losses import giou_loss, log_size_loss, quality_focal_loss
from drivemeta.plugins.detector.protocol import DenseOutput
from drivemeta.training.base.sources import COMPLETE


@dataclass(frozen=True)
class Targets:
    """What is known of one training image.

    Attributes:
        boxes: (n, 4) float32 xyxy in pixels of the input.
        labels: (n,) int64 super-classes.
        ignore: (m, 4) float32 regions that teach nothing.
        coverage: (n_classes,) int64: annotation of each class, as in `training/base/sources.py`.
    """

    boxes: Tensor
    labels: Tensor
    ignore: Tensor
    coverage: Tensor


class ClassCosines(nn.Module):
    """The rows of the base bank while they are trained: weights, biases and one scale."""

    def __init__(self, n_classes: int, dim: int, scale: float = 20.0) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(n_classes, dim))
        self.biases = nn.Parameter(torch.full((n_classes,), 4.0 / scale))
        self.log_scale = nn.Parameter(torch.tensor(scale).log())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (..., dim) normalised embeddings to (..., n_classes) logits."""
        cosine = embeddings @ F.normalize(self.weights, dim=-1).T
        return self.log_scale.exp() * (cosine - self.biases)

    def as_numpy(self) -> tuple[FloatArray, FloatArray]:
        """Return the (n_classes, dim) normalised weights and the (n_classes,) biases."""
        weights = F.normalize(self.weights.detach(), dim=-1)
        return weights.numpy(), self.biases.detach().numpy()


class TrainableLevel1(nn.Module):
    """Level 1 with the rows of its super-classes."""

    def __init__(self, level1: Level1, n_classes: int) -> None:
        super().__init__()
        self.level1 = level1
        self.rows = ClassCosines(n_classes, level1.dim)

    def forward(self, images: Tensor) -> tuple[DenseOutput, Tensor]:
        """Map images to dense predictions and (N, A, n_classes) logits."""
        return self.predict(self.level1.backbone(images))

    def predict(self, features: list[Tensor]) -> tuple[DenseOutput, Tensor]:
        """Map the feature maps of the backbone to the same."""
        output = self.level1.dense(features)
        return output, self.rows(output.embeddings)


def detector_loss(
    output: DenseOutput, logits: Tensor, targets: list[Targets], size: tuple[int, int]
) -> dict[str, Tensor]:
    """Return the parts of the loss: `class`, `quality`, `box`, each a mean over positives.

    A class that the image's source does not annotate completely gives no negatives but where an
    object of another class is; the
    class-agnostic quality takes negatives only where every class is annotated completely.
    """
    centres, strides = grid(*size, logits.shape[1])
    sums = {name: logits.new_zeros(()) for name in ("class", "quality", "box")}
    n_positive = 0.0
    for i, target in enumerate(targets):
        boxes, class_logits = output.boxes[i].float(), logits[i].float()
        scores = torch.sigmoid(class_logits.detach())[:, target.labels]
        found = assign(boxes.detach(), scores, centres, strides, target.boxes, target.ignore)
        positive = found.target >= 0
        owner = found.target[positive]
        goal = torch.zeros_like(class_logits)
        goal[positive, target.labels[owner]] = found.quality[positive]
        known = (target.coverage == COMPLETE).float().expand_as(goal).clone()
        known[found.ignored] = 0
        known[positive] = 1  # an object of one class is an object of no other
        sums["class"] = sums["class"] + quality_focal_loss(class_logits, goal, known)
        seen = torch.full((len(goal),), float((target.coverage == COMPLETE).all()))
        seen[found.ignored] = 0
        seen[positive] = 1
        quality = output.quality[i].float()
        sums["quality"] = sums["quality"] + quality_focal_loss(quality, found.quality, seen)
        if positive.any():
            pair = boxes[positive], target.boxes[owner]
            loss = giou_loss(*pair) + 0.25 * log_size_loss(*pair)
            sums["box"] = sums["box"] + loss.sum()
        n_positive += float(positive.sum())
    return {name: value / max(n_positive, 1.0) for name, value in sums.items()}
