"""What a learner is given: labelled views of the support boxes, and what they are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images of an n-way task.

    Attributes:
        images: (n, 3, 64, 64) float RGB in [0, 1]; or (n, dim) embeddings where the network
            given beside them is the identity.
        labels: (n,) int64 in 0..n_way - 1.
        shots: (n,) int64, the support box each image is a view of.
        names: Names of the classes; n_way of them.
        negatives: Things that belong to no class, like `images`; may be empty.
        replay: One image of each base class, like `images`, for learners that change layers; None
            or empty if there are none.
        replay_labels: (n,) int64, the base class of each of them where there are several; None
            where each is a class of its own.
    """

    images: Tensor
    labels: Tensor
    shots: Tensor
    names: tuple[str, ...]
    negatives: Tensor
    replay: Tensor | None = None
    replay_labels: Tensor | None = None

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return len(self.names)

    def without_shots(self, shots: NDArray[np.int64]) -> LabelledImages:
        """Return the task without the views of some support boxes."""
        kept = ~torch.isin(self.shots, torch.from_numpy(shots))
        return replace(
            self,
            images=self.images[kept],
            labels=self.labels[kept],
            shots=self.shots[kept],
        )
