"""Episodes: small classification tasks, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Episode:
    """One n-way task.

    Attributes:
        support: (n_support, ...) float images; every class has at least one.
        support_labels: (n_support,) int64 in 0..n_way - 1.
        query: (n_query, ...) float images; a class may have none.
        query_labels: (n_query,) int64 in 0..n_way - 1.
        n_way: Number of classes.
    """

    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor
    n_way: int

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return support, its labels, query and its labels."""
        return self.support, self.support_labels, self.query, self.query_labels

    def without_query(self) -> Episode:
        """Return the task with the images of the query in its support."""
        return Episode(
            torch.cat([self.support, self.query]),
            torch.cat([self.support_labels, self.query_labels]),
            self.query[:0],
            self.query_labels[:0],
            self.n_way,
        )


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images for verification.

    Attributes:
        left: (n, ...) float images.
        right: The other image of each, like `left`.
        same: (n,) float32, 1 where both show one class, else 0.
    """

    left: Tensor
    right: Tensor
    same: Tensor
