"""ANIL: the inner loop changes the head alone.

Paper: Raghu, Raghu, Bengio, Vinyals, "Rapid Learning or Feature Reuse? Towards Understanding the
Effectiveness of MAML", 2020, arXiv 1909.09157, section 4. As in the paper the outer loop trains
all weights, to second order. Since the embedding is the same before and after the inner loop, it
runs once. In the detector the steps move the rows of the class bank.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.plugins.learner.adapted_layer import AdaptedLayer
from drivemeta.plugins.learner.embedding import embed
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.heads import Headed, RowHeaded, headed, start_of
from drivemeta.plugins.learner.inner_loop import (
    Mapped,
    Params,
    call,
    descend,
    parameters_of,
)
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.meta_loss import meta_loss, support_loss
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import CosineRows, fit_rows_by_gradients, row_loop


@dataclass(frozen=True, eq=False)
class ANIL:
    """Learns an embedding for which a few steps of the head suffice.

    Args:
        inner_lr: Rate of the inner steps.
        n_steps: Number of inner steps in meta-training.
        n_test_steps: Number of inner steps at test.
        first_order: Whether the inner gradients are taken as constants.
        meta_batch: Number of tasks of a meta-step.
        transductive: Whether the queries are normalised by their own statistics, as in the code of
            MAML, not by those of the support.
        mapped: Way a meta-step goes over its tasks, see `plugins.learner.inner_loop.over_tasks`.
        row_lr: Rate of the steps that move the detector's rows.
        row_steps: Number of these steps.
    """

    inner_lr: float = 0.4
    n_steps: int = 5
    n_test_steps: int = 10
    _: KW_ONLY
    first_order: bool = False
    meta_batch: int = 32
    transductive: bool = False
    mapped: Mapped = "loop"
    row_lr: float = 0.3
    row_steps: int = 10

    has_branch = True

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head of as many classes as a task has."""
        return headed(network, tasks)

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the loss of the queries after the inner steps of the head."""
        model = self.prepare(network, tasks)
        loss = meta_loss(model, self.logits, tasks, self.meta_batch, self.mapped)
        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Adapt the head on the support; return (n_query, n_way) logits of the query."""
        if isinstance(model, RowHeaded):
            return self._by_rows(model, episode)
        assert isinstance(model, Headed)
        support, query = self._embedded(model.embedding, episode)

        def loss(head: Params) -> Tensor:
            return F.cross_entropy(call(model.head, head, support), episode.support_labels)

        fast = self._inner_loop(loss, parameters_of(model.head), training=model.training)
        return call(model.head, fast, query)

    def _embedded(self, network: nn.Module, episode: Episode) -> tuple[Tensor, Tensor]:
        support, query, n_support = episode.support, episode.query, len(episode.support)
        if self.transductive:
            return embed(network, support, n_support), embed(network, query, len(query))
        both = embed(network, torch.cat([support, query]), n_support)
        return both[:n_support], both[n_support:]

    def _by_rows(self, model: RowHeaded, episode: Episode) -> Tensor:
        support, labels, query, _ = episode.tensors()
        fast = self._inner_loop(
            lambda rows: support_loss(model, rows, support, labels),
            start_of(model, support, labels, episode.n_way, prefix="rows"),
            training=model.training,
        )
        return call(model, fast, query)

    def _inner_loop(
        self, loss: Callable[[Params], Tensor], head: Params, *, training: bool
    ) -> Params:
        n_steps = self.n_steps if training else self.n_test_steps
        return descend(loss, head, self.inner_lr, n_steps, first_order=self.first_order)

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows | AdaptedLayer:
        """Take gradient steps from prototypes; the network is not changed.

        With what `prepare` makes of level 2's last layer, they are rows over that layer as it was
        meta-trained; else rows over the network.
        """
        loop = row_loop(self.row_lr, self.row_steps)
        if isinstance(network, RowHeaded):
            return AdaptedLayer(deepcopy(network.layer), loop, support)
        return fit_rows_by_gradients(network, support, loop)
