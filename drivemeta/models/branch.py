"""A novel branch: columns for new classes beside an embedding, which itself stays as it is.

Rows of the class bank that name base classes are zero in the columns of the branch, so their
logits do not move by a bit; rows of new classes are zero in the columns of the base.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from drivemeta.core import BankRows, ClassBank
from drivemeta.models.level2 import Level2


class Branched(nn.Module):
    """Level 2 with a branch.

    Args:
        level2: Level 2, which stays as it is.
        branch: Map from (n, n_features) of the backbone to (n, width) columns, comparable to unit
            vectors: a row of the bank takes its dot product with them for a cosine.
    """

    def __init__(self, level2: Level2, branch: nn.Module) -> None:
        super().__init__()
        self.level2 = level2
        self.branch = branch

    def forward(self, crops: Tensor) -> Tensor:
        """Map (K, 3, 64, 64) float RGB in [0, 1] to (K, dim + width) float32."""
        features = self.level2.backbone(crops)
        return torch.cat([self.level2.embed(features), self.branch(features[0].flatten(1))], 1)


class BranchedThings(nn.Module):
    """An embedding of things with a branch.

    Args:
        things: Embedding of things, which stays as it is.
        branch: Map from its (n, 128) embeddings to (n, width) columns, comparable likewise.
    """

    def __init__(self, things: nn.Module, branch: nn.Module) -> None:
        super().__init__()
        self.things = things
        self.branch = branch

    def forward(self, crops: Tensor) -> Tensor:
        """Map (K, 3, 112, 112) float RGB in [0, 1] to (K, 128 + width) float32."""
        embeddings = self.things(crops)
        return torch.cat([embeddings, self.branch(embeddings)], 1)


def has_branch(level2: nn.Module, things: nn.Module | None) -> bool:
    """Return whether one of the embeddings of a detector has a branch."""
    return isinstance(level2, Branched) or isinstance(things, BranchedThings)


def own_dim(level2: nn.Module) -> int:
    """Return the length of a level 2's embedding without the columns of a branch."""
    return int(level2.level2.dim if isinstance(level2, Branched) else level2.dim)  # type: ignore[arg-type]


def widened(bank: ClassBank, width: int) -> ClassBank:
    """Return a bank whose level-2 rows are zero in `width` further columns."""
    rows = bank.crop
    weights = np.pad(rows.weights, ((0, 0), (0, width)))
    return replace(bank, crop=BankRows(weights, rows.biases, rows.owners, rows.roots))
