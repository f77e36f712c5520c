"""`CosineRows`, the classifier by nearest unit row, and what rows are made of.

Means of the shots, rows of the background, and rows that an inner loop moves, for the gradient
learners.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.bank import ALIKE, DISTRACTOR
from drivemeta.plugins.learner.embedding import in_parts
from drivemeta.plugins.learner.inner_loop import (
    Params,
    descend,
)
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.means import mean_by, spherical_means
from drivemeta.plugins.learner.protocol import ClassRows

SCALE = 20.0
N_BACKGROUND = 16

InnerLoop = Callable[[Callable[[Params], Tensor], Params], Params]
"""Takes a loss of parameters and parameters to start from, and returns fast weights."""


class CosineRows(nn.Module):
    """Names images by the nearest unit row.

    Args:
        network: Embeds images as unit vectors.
        rows: (n_rows, dim) unit vectors.
        owners: (n_rows,) int64, the class of each row, -1 for things of no class.
        n_way: Number of classes.
        scale: Inverse temperature of the logits.
    """

    rows: Tensor
    owners: Tensor

    def __init__(
        self, network: nn.Module, rows: Tensor, owners: Tensor, n_way: int, scale: float = SCALE
    ) -> None:
        super().__init__()
        self.network = network
        self.n_way = n_way
        self.scale = scale
        self.register_buffer("rows", rows)
        self.register_buffer("owners", owners)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to (n, n_way) logits: the scaled cosine to each class's nearest row."""
        cosines = self.network(images) @ self.rows.T  # (n, n_rows)
        of_class = [cosines[:, self.owners == label].amax(1) for label in range(self.n_way)]
        return self.scale * torch.stack(of_class, 1)

    def as_bank(self) -> ClassRows:
        """Return the rows."""
        weights = self.rows.float().numpy()
        return ClassRows(weights, torch.zeros(len(weights)).numpy(), self.owners.numpy())

    def novel_branch(self) -> None:
        """Rows of the bank are all there is, so no branch is needed."""
        return


def row_loop(rate: float, n_steps: int) -> InnerLoop:
    """Return the inner loop that moves rows over an embedding that stays: plain descent."""

    def loop(loss: Callable[[Params], Tensor], params: Params) -> Params:
        return descend(loss, params, rate, n_steps, first_order=True)

    return loop


def fit_rows_by_gradients(
    network: nn.Module, support: LabelledImages, inner_loop: InnerLoop
) -> CosineRows:
    """Start from prototypes and let an inner loop move them; the embedding stays frozen.

    Args:
        network: Network that embeds images as unit vectors; not changed.
        support: Support set; its negatives become rows of the background that compete.
        inner_loop: Inner loop of the learner.
    """
    shots, labels = shots_of(network, support)
    rows = mean_by(shots, labels)
    owners = torch.arange(support.n_way)
    background = background_rows(network, support, rows)
    rows, owners = (
        torch.cat([rows, background]),
        torch.cat([owners, owners.new_full((len(background),), DISTRACTOR)]),
    )
    examples = torch.cat([shots, background])
    targets = torch.cat([labels, torch.arange(support.n_way, len(rows))])

    def loss(params: Params) -> Tensor:
        logits = SCALE * examples @ F.normalize(params["rows"], dim=-1).T
        return F.cross_entropy(logits, targets)

    with torch.no_grad():
        adapted = F.normalize(inner_loop(loss, {"rows": rows})["rows"], dim=-1)
    return CosineRows(network, adapted, owners, support.n_way)


@torch.no_grad()
def shots_of(network: nn.Module, support: LabelledImages) -> tuple[Tensor, Tensor]:
    """Return the (n_shots, dim) unit mean of each shot's views, and the shots' classes."""
    embeddings = in_parts(network, support.images)
    _, first = torch.unique(support.shots, return_inverse=True)
    labels = torch.zeros(int(first.max()) + 1, dtype=torch.int64)
    labels[first] = support.labels
    return mean_by(embeddings, support.shots), labels


@torch.no_grad()
def background_rows(network: nn.Module, support: LabelledImages, rows: Tensor) -> Tensor:
    """Return at most 16 unit means of the negatives that resemble none of the rows."""
    if len(support.negatives) == 0:
        return rows[:0]
    negatives = in_parts(network, support.negatives)
    far = (negatives @ rows.T).amax(1) < ALIKE
    return spherical_means(negatives[far], N_BACKGROUND) if far.any() else rows[:0]
