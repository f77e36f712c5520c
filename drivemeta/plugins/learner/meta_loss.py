"""The losses of support and query sets that meta-learners descend."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.inner_loop import Mapped, Params, call, over_tasks
from drivemeta.plugins.learner.protocol import TaskSource


def meta_loss(
    model: nn.Module,
    logits: Callable[[nn.Module, Episode], Tensor],
    tasks: TaskSource,
    meta_batch: int,
    mapped: Mapped,
) -> Callable[[], Tensor]:
    """Return what draws tasks and gives the mean cross-entropy of their queries.

    Args:
        model: Model that is meta-trained.
        logits: Function that gives the logits of an episode's queries, after the inner loop on its
            support.
        tasks: Tasks to draw from.
        meta_batch: Number of tasks.
        mapped: Way to go over them, see `over_tasks`.
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
        model: Model from images and `n_reference` to logits.
        params: Fast weights.
        support: (n_support, ...) images, whose statistics normalise the queries.
        query: (n_query, ...) images.
        transductive: Whether the queries are normalised by their own statistics instead, so that
            the logits of each depend on the others too.
    """
    if transductive or len(query) == 0:
        return call(model, params, query, n_reference=len(query))
    both = torch.cat([support, query])
    return call(model, params, both, n_reference=len(support))[len(support) :]


def logits_one_by_one(model: nn.Module, params: Params, support: Tensor, query: Tensor) -> Tensor:
    """Return (n_query, n_way) logits, each query normalised together with the support alone.

    So the logits of no query depend on another, and none lies outside the statistics it is
    normalised by: what Nichol et al., 2018, arXiv 1803.02999, and their code call not transductive.

    Args:
        model: Model from images and `n_reference` to logits.
        params: Fast weights.
        support: (n_support, ...) images.
        query: (n_query, ...) images.
    """

    def alone(image: Tensor) -> Tensor:
        both = torch.cat([support, image[None]])
        return call(model, params, both, n_reference=len(both))[-1]

    logits: Tensor = torch.func.vmap(alone)(query)
    return logits
