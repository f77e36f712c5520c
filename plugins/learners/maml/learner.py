"""MAML: weights from which a few gradient steps on a task suffice.

Paper: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
2017, arXiv 1703.03400, algorithm 2. In the detector, different from it, the head is rows of the
class bank, which start from prototypes; the steps move them and a copy of level 2's last layer.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from torch import Tensor, nn

from drivemeta.plugins.learner.adapted_layer import AdaptedLayer, fit_layer
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.heads import RowHeaded, headed, start_of
from drivemeta.plugins.learner.inner_loop import Mapped, descend
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.meta_loss import meta_loss, query_logits, support_loss
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import CosineRows, fit_rows_by_gradients, row_loop


@dataclass(frozen=True, eq=False)
class MAML:
    """Learns an initialisation.

    Args:
        inner_lr: Rate of the inner steps, alpha of the paper.
        n_steps: Number of inner steps in meta-training.
        n_test_steps: Number of inner steps at test.
        first_order: Whether the inner gradients are taken as constants.
        meta_batch: Number of tasks of a meta-step.
        transductive: Whether the queries are normalised by their own statistics (as in the paper).
        mapped: Way a meta-step goes over its tasks, see `plugins.learner.inner_loop.over_tasks`.
        row_lr: Rate of the steps that move the detector's rows.
        row_steps: Number of these steps.
    """

    inner_lr: float = 0.4
    n_steps: int = 1
    n_test_steps: int = 3
    _: KW_ONLY
    first_order: bool = False
    meta_batch: int = 32
    transductive: bool = False
    mapped: Mapped = "loop"
    row_lr: float = 0.1
    row_steps: int = 10

    has_branch = True

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head of as many classes as a task has."""
        return headed(network, tasks)

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the loss of the queries after the inner steps."""
        model = self.prepare(network, tasks)
        loss = meta_loss(model, self.logits, tasks, self.meta_batch, self.mapped)
        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Take the inner steps on the support; return (n_query, n_way) logits of the query."""
        support, labels, query, _ = episode.tensors()
        fast = descend(
            lambda params: support_loss(model, params, support, labels),
            start_of(model, support, labels, episode.n_way),
            self.inner_lr,
            self.n_steps if model.training else self.n_test_steps,
            first_order=self.first_order,
        )
        return query_logits(model, fast, support, query, transductive=self.transductive)

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows | AdaptedLayer:
        """Take gradient steps from prototypes; the network is not changed.

        With what `prepare` makes of level 2's last layer, they adapt a copy of it too; else the
        rows alone.
        """
        loop = row_loop(self.row_lr, self.row_steps)
        if isinstance(network, RowHeaded):
            return fit_layer(network, support, loop, loop)
        return fit_rows_by_gradients(network, support, loop)
