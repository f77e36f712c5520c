"""What a learner is given: labelled views of the support boxes, and what they are not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images of an n-way task.

    Attributes:
        images: (n, 3, 64, 64) float RGB in [0, 1]; or (n, dim) embeddings where the network
            given beside them is the identity.
        labels: (n,) int64 in 0..n_way - 1.
        shots: (n,) int64, the support box each image is a view of.
        names: of the classes; n_way of them.
        negatives: like `images`, things that belong to no class; may be empty.
    """

    images: Tensor
    labels: Tensor
    shots: Tensor
    names: tuple[str, ...]
    negatives: Tensor

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return len(self.names)

    def without_shot(self, shot: int) -> LabelledImages:
        """Return the task without the views of one support box."""
        kept = self.shots != shot
        return LabelledImages(
            self.images[kept],
            self.labels[kept],
            self.shots[kept],
            self.names,
            self.negatives,
        )

    def n_shots(self, label: int) -> int:
        """Return how many support boxes a class has."""
        return len(torch.unique(self.shots[self.labels == label]))
