"""A branch with a column for each shot, for learners that compare queries with shots their own way.

The class bank then has one row a column: all zeros but for a one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.means import max_by_class
from drivemeta.plugins.learner.protocol import ClassRows
from drivemeta.plugins.learner.rows import SCALE

SMALLEST = 1e-12


class ColumnRows(nn.Module):
    """Names images by the shot that they match best.

    Args:
        columns: Module from images to (n, n_columns), how well they match each shot, on the scale
            of cosines; the last columns are of the background. Traceable.
        owners: (n_columns,) int64, the class of each shot, -1 for the background.
        numbers: (n_columns,) int64, the number of each shot in the support set, -1 likewise.
        n_way: Number of classes.
    """

    owners: Tensor
    numbers: Tensor

    def __init__(self, columns: nn.Module, owners: Tensor, numbers: Tensor, n_way: int) -> None:
        super().__init__()
        self.columns = columns
        self.n_way = n_way
        self.register_buffer("owners", owners)
        self.register_buffer("numbers", numbers)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to (n, n_way) logits."""
        own = self.owners >= 0
        return SCALE * max_by_class(self.columns(images)[:, own], self.owners[own], self.n_way)

    def as_bank(self) -> ClassRows:
        """Return a row for each column of the branch."""
        return self._rows(torch.ones_like(self.owners, dtype=torch.bool))

    def novel_branch(self) -> nn.Module:
        """Return the columns."""
        return self.columns

    def rows_for(self, support: LabelledImages) -> ClassRows:
        """Return rows for those shots that a support set has, and for the background."""
        return self._rows((self.owners < 0) | torch.isin(self.numbers, support.shots))

    def distractors(self, features: Tensor) -> None:  # noqa: ARG002
        """Base classes stay where they are: they are named by their cosines."""
        return

    def _rows(self, chosen: Tensor) -> ClassRows:
        weights = torch.eye(len(self.owners))[chosen]
        owners = self.owners[chosen]
        return ClassRows(weights.numpy(), torch.zeros(len(weights)).numpy(), owners.numpy())


def fitted_line(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope and offset of the least squares of y by x; a slope of one if x is constant.

    >>> x = torch.tensor([0.0, 1.0, 2.0])
    >>> [round(float(value), 4) for value in fitted_line(x, 3 * x - 1)]
    [3.0, -1.0]
    """
    centred = x - x.mean()
    spread = centred.square().sum()
    slope = (centred * (y - y.mean())).sum() / spread if spread > SMALLEST else x.new_ones(())
    return slope, y.mean() - slope * x.mean()
