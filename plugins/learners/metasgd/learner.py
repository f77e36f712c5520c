"""Meta-SGD: initialisation, direction and rate of every weight's inner step are learnt.

Paper: Li, Zhou, Chen, Li, "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning", 2017,
arXiv 1707.09835, algorithm 1. One inner step; rates start uniform in [0.005, 0.1] as in the paper.
In the detector the head is rows of the class bank; the steps move them, at one learnt rate, and a
copy of level 2's last layer, each weight at its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor, nn

from drivemeta.plugins.learner.adapted_layer import AdaptedLayer, fit_layer
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.heads import RowHeaded, headed, start_of
from drivemeta.plugins.learner.inner_loop import (
    Mapped,
    Params,
    descend,
    parameters_of,
)
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.meta_loss import meta_loss, query_logits, support_loss
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import CosineRows, fit_rows_by_gradients, row_loop


class RatedModel(nn.Module):
    """A model and a rate for each of its weights, in the order of its parameters."""

    def __init__(self, model: nn.Module, lowest: float, highest: float) -> None:
        super().__init__()
        self.model = model
        self.rates = nn.ParameterList(
            torch.empty_like(weights).uniform_(lowest, highest) for weights in model.parameters()
        )
        if isinstance(model, RowHeaded):  # there are as many rows as a task has classes
            self.row_rate = nn.Parameter(torch.tensor((lowest + highest) / 2))

    def rates_by_name(self) -> dict[str, Tensor]:
        """Return the rates by the names of the model's parameters."""
        rates = dict(zip(parameters_of(self.model), self.rates, strict=True))
        return {**rates, "rows": self.row_rate} if isinstance(self.model, RowHeaded) else rates


@dataclass(frozen=True, eq=False)
class MetaSGD:
    """Learns an initialisation and the rate of every weight.

    Args:
        lowest_rate: Lowest of the inner rates at the start.
        highest_rate: Highest of the inner rates at the start.
        n_steps: Number of inner steps.
        meta_batch: Number of tasks of a meta-step.
        transductive: Whether the queries are normalised by their own statistics.
        mapped: Way a meta-step goes over its tasks, see `plugins.learner.inner_loop.over_tasks`.
        row_lr: Rate of the steps that move the detector's rows.
        row_steps: Number of these steps.
    """

    lowest_rate: float = 0.005
    highest_rate: float = 0.1
    n_steps: int = 1
    _: KW_ONLY
    meta_batch: int = 32
    transductive: bool = False
    mapped: Mapped = "loop"
    row_lr: float = 0.02
    row_steps: int = 10

    has_branch = True

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head, and a rate for each weight."""
        return RatedModel(headed(network, tasks), self.lowest_rate, self.highest_rate)

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the loss of the queries after the inner steps, also by the rates."""
        model = self.prepare(network, tasks)
        loss = meta_loss(model, self.logits, tasks, self.meta_batch, self.mapped)
        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Take the inner steps on the support; return (n_query, n_way) logits of the query."""
        assert isinstance(model, RatedModel)
        support, labels, query, _ = episode.tensors()
        fast = descend(
            lambda params: support_loss(model.model, params, support, labels),
            start_of(model.model, support, labels, episode.n_way),
            model.rates_by_name(),
            self.n_steps,
        )
        return query_logits(model.model, fast, support, query, transductive=self.transductive)

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows | AdaptedLayer:
        """Take gradient steps from prototypes; the network is not changed.

        With what `prepare` makes of level 2's last layer, they adapt a copy of it too; else the
        rows alone.
        """
        loop = row_loop(self.row_lr, self.row_steps)
        if isinstance(network, RatedModel):
            rates = network.rates_by_name()

            def inner_loop(loss: Callable[[Params], Tensor], params: Params) -> Params:
                return descend(loss, params, rates, self.n_steps, first_order=True)

            assert isinstance(network.model, RowHeaded)
            return fit_layer(network.model, support, inner_loop, loop)
        return fit_rows_by_gradients(network, support, loop)
