"""A network under a head of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.plugins.learner.embedding import embed, embedding_dim
from drivemeta.plugins.learner.inner_loop import Params, parameters_of
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.means import class_means
from drivemeta.plugins.learner.protocol import TaskSource
from drivemeta.plugins.learner.rows import SCALE


class RowHeaded(nn.Module):
    """Level 2's last layer under cosine rows, which start as the prototypes of a support set.

    Triantafillou et al., "Meta-Dataset", 2020, arXiv 1903.03096, section 3: a head that starts
    from prototypes fits any number of classes.

    Args:
        layer: Layer that maps features to unit vectors.
    """

    rows: Tensor

    def __init__(self, layer: LastLayer) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("rows", torch.zeros(1, layer.dim), persistent=False)

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:  # noqa: ARG002
        """Map (n, n_features) to (n, n_rows) scaled cosines."""
        cosines: Tensor = self.layer(images) @ F.normalize(self.rows, dim=-1).T
        return SCALE * cosines


def headed(network: nn.Module, tasks: TaskSource) -> nn.Module:
    """Return what gradient learners train: level 2's last layer under rows, else a linear head."""
    if isinstance(network, LastLayer):
        return RowHeaded(network)
    return Headed(network, embedding_dim(network, tasks.task().support), tasks.n_way)


def start_of(
    model: nn.Module, support: Tensor, labels: Tensor, n_way: int, *, prefix: str = ""
) -> Params:
    """Return the parameters that an inner loop starts from.

    Args:
        model: Model that `headed` made.
        support: (n_support, ...) images or features.
        labels: (n_support,) int64.
        n_way: Number of classes.
        prefix: Start of the names of the parameters that are adapted; rows always are.
    """
    if not isinstance(model, RowHeaded):
        return parameters_of(model, prefix)
    rows = F.normalize(class_means(model.layer(support), labels, n_way), dim=-1)
    return {**parameters_of(model, prefix), "rows": rows}


class Headed(nn.Module):
    """An embedding and a linear head, as gradient learners adapt them.

    Args:
        embedding: Module from images to (n, dim).
        dim: Dimensions of the embedding.
        n_way: Number of classes of the head.
    """

    def __init__(self, embedding: nn.Module, dim: int, n_way: int) -> None:
        super().__init__()
        self.embedding = embedding
        # Rows that differ at the start: equal ones would hand no gradient down to the embedding.
        self.head = nn.Linear(dim, n_way)

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Map images to (n, n_way) logits."""
        scores: Tensor = self.head(embed(self.embedding, images, n_reference))
        return scores
