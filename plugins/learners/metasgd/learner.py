"""Meta-SGD: initialisation, direction and rate of every weight's inner step are learnt.

Paper: Li, Zhou, Chen, Li, "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning", 2017,
arXiv 1707.09835, algorithm 1. One inner step; rates start uniform in [0.005, 0.1] as in the paper.
In the detector the steps move the rows of the class bank, at one rate: rates per weight belong to
a head that is meta-trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.learn.episodes import Episode
from drivemeta.learn.functional import descend, mean_over_tasks, parameters_of
from drivemeta.learn.gradient import (
    CosineRows,
    fit_rows_by_gradients,
    query_logits,
    support_loss,
)
from drivemeta.learn.metatrain_networks import Headed, embedding_dim
from drivemeta.learn.support import LabelledImages
from drivemeta.plugins.protocols import MetaRun, MetaState, TaskSource


class RatedModel(nn.Module):
    """A model and a rate for each of its weights, in the order of its parameters."""

    def __init__(self, model: nn.Module, lowest: float, highest: float) -> None:
        super().__init__()
        self.model = model
        self.rates = nn.ParameterList(
            torch.empty_like(weights).uniform_(lowest, highest) for weights in model.parameters()
        )

    def rates_by_name(self) -> dict[str, Tensor]:
        """Return the rates by the names of the model's parameters."""
        return dict(zip(parameters_of(self.model), self.rates, strict=True))


class MetaSGD:
    """Learns an initialisation and the rate of every weight.

    Args:
        lowest_rate: of the inner rates at the start.
        highest_rate: of the inner rates at the start.
        n_steps: inner steps.
        meta_batch: tasks of a meta-step.
        transductive: the queries are normalised by their own statistics.
        row_lr: rate of the steps that move the detector's rows.
        row_steps: number of these steps.
    """

    def __init__(
        self,
        lowest_rate: float = 0.005,
        highest_rate: float = 0.1,
        n_steps: int = 1,
        *,
        meta_batch: int = 32,
        transductive: bool = False,
        row_lr: float = 0.02,
        row_steps: int = 10,
    ) -> None:
        self.lowest_rate = lowest_rate
        self.highest_rate = highest_rate
        self.n_steps = n_steps
        self.meta_batch = meta_batch
        self.transductive = transductive
        self.row_lr = row_lr
        self.row_steps = row_steps

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head, and a rate for each weight."""
        headed = Headed(network, embedding_dim(network, tasks.task().support), tasks.n_way)
        return RatedModel(headed, self.lowest_rate, self.highest_rate)

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the loss of the queries after the inner steps, also by the rates."""
        model = self.prepare(network, tasks)

        def task_loss(
            support: Tensor, support_labels: Tensor, query: Tensor, query_labels: Tensor
        ) -> Tensor:
            logits = self._adapted(model, support, support_labels, query)
            return F.cross_entropy(logits, query_labels)

        def loss() -> Tensor:
            drawn = [tasks.episode().tensors() for _ in range(self.meta_batch)]
            return mean_over_tasks(task_loss, drawn)

        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Take the inner steps on the support; return (n_query, n_way) logits of the query."""
        return self._adapted(model, episode.support, episode.support_labels, episode.query)

    def _adapted(self, model: nn.Module, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        assert isinstance(model, RatedModel)
        fast = descend(
            lambda params: support_loss(model.model, params, support, labels),
            parameters_of(model.model),
            model.rates_by_name(),
            self.n_steps,
        )
        return query_logits(model.model, fast, support, query, transductive=self.transductive)

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows:
        """Move prototypes by gradient steps; the network is not changed."""
        return fit_rows_by_gradients(
            network,
            support,
            lambda loss, rows: descend(loss, rows, self.row_lr, self.row_steps, first_order=True),
        )
