"""ANIL: the inner loop changes the head alone.

Paper: Raghu, Raghu, Bengio, Vinyals, "Rapid Learning or Feature Reuse? Towards Understanding the
Effectiveness of MAML", 2020, arXiv 1909.09157, section 4. As in the paper the outer loop trains
all weights, to second order. Since the embedding is the same before and after the inner loop, it
runs once for support and query. In the detector the steps move the rows of the class bank.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.learn.episodes import Episode
from drivemeta.learn.functional import Params, call, descend, parameters_of
from drivemeta.learn.gradient import CosineRows, fit_rows_by_gradients
from drivemeta.learn.metatrain_networks import Headed, embed, embedding_dim
from drivemeta.learn.support import LabelledImages
from drivemeta.plugins.protocols import MetaRun, MetaState, TaskSource


class ANIL:
    """Learns an embedding for which a few steps of the head suffice.

    Args:
        inner_lr: rate of the inner steps.
        n_steps: inner steps in meta-training.
        n_test_steps: inner steps at test.
        first_order: take the inner gradients as constants.
        meta_batch: tasks of a meta-step.
        transductive: the queries are normalised by the statistics of support and query.
        row_lr: rate of the steps that move the detector's rows.
        row_steps: number of these steps.
    """

    def __init__(
        self,
        inner_lr: float = 0.4,
        n_steps: int = 5,
        n_test_steps: int = 10,
        *,
        first_order: bool = False,
        meta_batch: int = 32,
        transductive: bool = False,
        row_lr: float = 0.02,
        row_steps: int = 10,
    ) -> None:
        self.inner_lr = inner_lr
        self.n_steps = n_steps
        self.n_test_steps = n_test_steps
        self.first_order = first_order
        self.meta_batch = meta_batch
        self.transductive = transductive
        self.row_lr = row_lr
        self.row_steps = row_steps

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head of as many classes as a task has."""
        return Headed(network, embedding_dim(network, tasks.task().support), tasks.n_way)

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the loss of the queries after the inner steps of the head."""
        model = self.prepare(network, tasks)

        def loss() -> Tensor:
            drawn = [tasks.episode() for _ in range(self.meta_batch)]
            return torch.stack(
                [F.cross_entropy(self.logits(model, e), e.query_labels) for e in drawn]
            ).mean()

        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Adapt the head on the support; return (n_query, n_way) logits of the query."""
        assert isinstance(model, Headed)
        both, n_support = torch.cat([episode.support, episode.query]), len(episode.support)
        n_reference = len(both) if self.transductive else n_support
        embedded = embed(model.embedding, both, n_reference)

        def loss(head: Params) -> Tensor:
            return F.cross_entropy(
                call(model.head, head, embedded[:n_support]), episode.support_labels
            )

        fast = descend(
            loss,
            parameters_of(model.head),
            self.inner_lr,
            self.n_steps if model.training else self.n_test_steps,
            first_order=self.first_order,
        )
        return call(model.head, fast, embedded[n_support:])

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows:
        """Move prototypes by gradient steps; the network is not changed."""
        return fit_rows_by_gradients(
            network,
            support,
            lambda loss, rows: descend(loss, rows, self.row_lr, self.row_steps, first_order=True),
        )
