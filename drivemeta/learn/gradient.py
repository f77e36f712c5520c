"""What the gradient learners share: queries after the inner loop, and rows for the detector."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.learn.embedding import Headed, embedding_dim, in_parts
from drivemeta.learn.episodes import Episode, class_means
from drivemeta.learn.functional import Mapped, Params, call, descend, over_tasks, parameters_of
from drivemeta.learn.prototypes import mean_by, spherical_means
from drivemeta.learn.support import LabelledImages
from drivemeta.models.branch import LastLayer
from drivemeta.plugins.learner_protocols import ClassRows, TaskSource

DISTRACTOR = -1
SCALE = 20.0
N_BACKGROUND = 16
BACKGROUND_MARGIN = 0.6

InnerLoop = Callable[[Callable[[Params], Tensor], Params], Params]
"""Takes a loss of parameters and parameters to start from, and returns fast weights."""


class RowHeaded(nn.Module):
    """Level 2's last layer under cosine rows, which start as the prototypes of a support set.

    Triantafillou et al., "Meta-Dataset", 2020, arXiv 1903.03096, section 3: a head that starts
    from prototypes fits any number of classes.

    Args:
        layer: maps features to unit vectors.
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
        model: of `headed`.
        support: (n_support, ...) images or features.
        labels: (n_support,) int64.
        n_way: number of classes.
        prefix: only parameters whose names begin so are adapted; rows always are.
    """
    if not isinstance(model, RowHeaded):
        return parameters_of(model, prefix)
    rows = F.normalize(class_means(model.layer(support), labels, n_way), dim=-1)
    return {**parameters_of(model, prefix), "rows": rows}


def meta_loss(
    model: nn.Module,
    logits: Callable[[nn.Module, Episode], Tensor],
    tasks: TaskSource,
    meta_batch: int,
    mapped: Mapped,
) -> Callable[[], Tensor]:
    """Return what draws tasks and gives the mean cross-entropy of their queries.

    Args:
        model: what is meta-trained.
        logits: of the queries of an episode, after the inner loop on its support.
        tasks: to draw from.
        meta_batch: number of them.
        mapped: how to go over them, see `over_tasks`.
    """

    def task_loss(
        support: Tensor, support_labels: Tensor, query: Tensor, query_labels: Tensor
    ) -> Tensor:
        episode = Episode(support, support_labels, query, query_labels, tasks.n_way)
        return F.cross_entropy(logits(model, episode), query_labels)

    mean_loss = over_tasks(task_loss, model, mapped)
    return lambda: mean_loss([tasks.episode().tensors() for _ in range(meta_batch)])


def support_loss(model: nn.Module, params: Params, images: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of a support set; its own statistics normalise it."""
    logits = call(model, params, images, n_reference=len(images))
    return F.cross_entropy(logits, labels)


def query_logits(
    model: nn.Module, params: Params, support: Tensor, query: Tensor, *, transductive: bool
) -> Tensor:
    """Return (n_query, n_way) logits with fast weights.

    Args:
        model: maps images and `n_reference` to logits.
        params: the fast weights.
        support: (n_support, ...) images, whose statistics normalise the queries.
        query: (n_query, ...) images.
        transductive: the queries are normalised by their own statistics instead, so that each
            one is told by the others too.
    """
    if transductive or len(query) == 0:
        return call(model, params, query, n_reference=len(query))
    both = torch.cat([support, query])
    return call(model, params, both, n_reference=len(support))[len(support) :]


def logits_one_by_one(model: nn.Module, params: Params, support: Tensor, query: Tensor) -> Tensor:
    """Return (n_query, n_way) logits, each query normalised together with the support alone.

    So no query is told by another, and none lies outside the statistics it is normalised by: what
    Nichol et al., 2018, arXiv 1803.02999, and their code call not transductive.

    Args:
        model: maps images and `n_reference` to logits.
        params: the fast weights.
        support: (n_support, ...) images.
        query: (n_query, ...) images.
    """

    def alone(image: Tensor) -> Tensor:
        both = torch.cat([support, image[None]])
        return call(model, params, both, n_reference=len(both))[-1]

    logits: Tensor = torch.func.vmap(alone)(query)
    return logits


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
        network: embeds images as unit vectors; not changed.
        support: what to learn; its negatives become rows of the background that compete.
        inner_loop: of the learner.
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
    far = (negatives @ rows.T).amax(1) < BACKGROUND_MARGIN
    return spherical_means(negatives[far], N_BACKGROUND) if far.any() else rows[:0]
