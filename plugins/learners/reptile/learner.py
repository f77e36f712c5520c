"""Reptile: move the weights towards what training on a task makes of them.

Paper: Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", 2018,
arXiv 1803.02999, algorithms 1 (serial, `meta_batch` of 1) and 2 (batched). The inner optimiser is
Adam without momentum (beta1 = 0) whose second moments go on from task to task; the meta-step is
annealed to zero. In the detector the inner loop moves the rows of the class bank.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from drivemeta.learn.adapted_layer import AdaptedLayer, fit_layer
from drivemeta.learn.episodes import Episode
from drivemeta.learn.functional import Params, parameters_of
from drivemeta.learn.gradient import (
    CosineRows,
    RowHeaded,
    fit_rows_by_gradients,
    headed,
    query_logits,
    start_of,
    support_loss,
)
from drivemeta.learn.support import LabelledImages
from drivemeta.plugins.protocols import MetaRun, MetaState, TaskSource

BETA2, EPS = 0.999, 1e-8


class InnerState(nn.Module):
    """Second moments of the inner optimiser, which are kept and stored with the model."""

    n_steps: Tensor

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.names = tuple(params)
        for index, weights in enumerate(params.values()):
            self.register_buffer(f"moment{index}", torch.zeros_like(weights))
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def read(self) -> tuple[Params, int]:
        """Return the moments by parameter, and the number of steps they have seen."""
        moments = {name: getattr(self, f"moment{i}") for i, name in enumerate(self.names)}
        return moments, int(self.n_steps)

    def write(self, moments: Params, n_steps: int) -> None:
        """Keep moments for the next task."""
        for index, name in enumerate(self.names):
            getattr(self, f"moment{index}").copy_(moments[name])
        self.n_steps.fill_(n_steps)


class ReptileModel(nn.Module):
    """The weights that are meta-trained, and the inner optimiser's state."""

    def __init__(self, headed: nn.Module) -> None:
        super().__init__()
        self.headed = headed
        self.state = InnerState(parameters_of(headed))


class Reptile:
    """Learns an initialisation without differentiating through the inner loop.

    Args:
        inner_lr: rate of the inner optimiser.
        n_steps: inner steps in meta-training.
        n_test_steps: inner steps at test.
        inner_batch: images of an inner step.
        optimizer: of the inner loop, `adam` (beta1 = 0) or `sgd`.
        meta_step: epsilon at the start; annealed linearly to zero.
        meta_batch: tasks whose results are averaged in a meta-step; 1 is the serial version.
        transductive: the queries are normalised by their own statistics.
        row_steps: steps of the inner optimiser in the detector.
    """

    has_branch = True

    def __init__(
        self,
        inner_lr: float = 0.001,
        n_steps: int = 5,
        n_test_steps: int = 50,
        inner_batch: int = 10,
        optimizer: Literal["adam", "sgd"] = "adam",
        *,
        meta_step: float = 1.0,
        meta_batch: int = 5,
        transductive: bool = False,
        row_steps: int = 5,
    ) -> None:
        self.row_steps = row_steps
        self.inner_lr = inner_lr
        self.n_steps = n_steps
        self.n_test_steps = n_test_steps
        self.inner_batch = inner_batch
        self.optimizer = optimizer
        self.meta_step = meta_step
        self.meta_batch = meta_batch
        self.transductive = transductive

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head, and the inner optimiser's state."""
        return ReptileModel(headed(network, tasks))

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Step towards the mean of what the tasks make of the weights."""
        model = self.prepare(network, tasks)
        assert isinstance(model, ReptileModel)

        def loss() -> Tensor:
            drawn = [tasks.task() for _ in range(self.meta_batch)]
            results = [self._train_on(model, task, self.n_steps, keep_state=True) for task in drawn]
            step = self.meta_step * (1 - run.progress)
            for name, weights in model.headed.named_parameters():
                mean = torch.stack([fast[name] for fast, _ in results]).mean(0)
                weights.grad = step * (weights.detach() - mean)
            return torch.stack([last for _, last in results]).mean()

        # A rate of one: the gradient is the whole step.
        return run.train(model, loss, self.logits, torch.optim.SGD(model.headed.parameters(), 1.0))

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Train on the support; return (n_query, n_way) logits of the query."""
        assert isinstance(model, ReptileModel)
        fast, _ = self._train_on(model, episode, self.n_test_steps, keep_state=False)
        return query_logits(
            model.headed, fast, episode.support, episode.query, transductive=self.transductive
        )

    @torch.no_grad()
    def _train_on(
        self, model: ReptileModel, task: Episode, n_steps: int, *, keep_state: bool
    ) -> tuple[Params, Tensor]:
        """Return the weights after training on a task's support, and the last loss."""
        params = start_of(model.headed, task.support, task.support_labels, task.n_way)
        moments, seen = model.state.read()
        last = torch.zeros(())
        for chosen in mini_batches(len(task.support), self.inner_batch, n_steps):
            images, labels = task.support[chosen], task.support_labels[chosen]
            gradients, last = torch.func.grad_and_value(
                lambda p, images=images, labels=labels: support_loss(
                    model.headed, p, images, labels
                )
            )(params)
            params, moments, seen = self._inner_step(params, gradients, moments, seen)
        if keep_state:
            model.state.write(moments, seen)
        return params, last

    def _inner_step(
        self, params: Params, gradients: Params, moments: Params, seen: int
    ) -> tuple[Params, Params, int]:
        if self.optimizer == "sgd":
            stepped = {k: v - self.inner_lr * gradients[k] for k, v in params.items()}
            return stepped, moments, seen + 1
        # Rows of a task begin with the moment of their first gradient.
        before = {k: moments.get(k, gradients[k] ** 2) for k in params}
        moments = {k: BETA2 * v + (1 - BETA2) * gradients[k] ** 2 for k, v in before.items()}
        correction = 1 - BETA2 ** (seen + 1)
        stepped = {
            k: v - self.inner_lr * gradients[k] / ((moments[k] / correction).sqrt() + EPS)
            for k, v in params.items()
        }
        return stepped, moments, seen + 1

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows | AdaptedLayer:
        """Train from prototypes by the inner optimiser; the network is not changed.

        With what `prepare` makes of level 2's last layer, a copy of it is trained too; else the
        rows alone.
        """
        if isinstance(network, ReptileModel):
            moments, seen = network.state.read()

            def inner_loop(loss: Callable[[Params], Tensor], params: Params) -> Params:
                return self._steps(loss, params, dict(moments), seen)

            assert isinstance(network.headed, RowHeaded)
            return fit_layer(network.headed, support, inner_loop, self._row_loop)
        return fit_rows_by_gradients(network, support, self._row_loop)

    def _row_loop(self, loss: Callable[[Params], Tensor], rows: Params) -> Params:
        return self._steps(loss, rows, {name: torch.zeros_like(v) for name, v in rows.items()}, 0)

    def _steps(
        self, loss: Callable[[Params], Tensor], params: Params, moments: Params, seen: int
    ) -> Params:
        for _ in range(self.row_steps):
            gradients = torch.func.grad(loss)(params)
            params, moments, seen = self._inner_step(params, gradients, moments, seen)
        return params


def mini_batches(n: int, size: int, n_batches: int) -> list[Tensor]:
    """Return indices of mini-batches that go through n images in one shuffled order, over and over.

    A task smaller than a mini-batch is given whole.
    """
    if n <= size:
        return [torch.arange(n)] * n_batches
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    endless = order.repeat(1 + n_batches * size // n)
    return list(torch.split(endless[: n_batches * size], size))
