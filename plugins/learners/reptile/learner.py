"""Reptile: move the weights towards what training on a task makes of them.

Paper: Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", 2018,
arXiv 1803.02999, algorithms 1 (serial, `meta_batch` of 1) and 2 (batched). The inner optimiser is
Adam without momentum (beta1 = 0) whose second moments go on from task to task; the meta-step is
annealed to zero. In the detector the inner loop moves the rows of the class bank and a copy of
level 2's last layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from drivemeta.plugins.learner.adapted_layer import AdaptedLayer, fit_layer
from drivemeta.plugins.learner.embedding import takes_reference
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.heads import RowHeaded, headed, start_of
from drivemeta.plugins.learner.inner_loop import (
    Mapped,
    Params,
    compiled_if,
    parameters_of,
)
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.meta_loss import (
    logits_one_by_one,
    query_logits,
    support_loss,
)
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import CosineRows, fit_rows_by_gradients

BETA2, EPS = 0.999, 1e-8


Step = Callable[[Params, Params, Tensor, Tensor, Tensor], tuple[Params, Params, Tensor]]
"""Maps weights, moments, steps so far, images and labels to the next weights, moments and loss."""


class InnerState(nn.Module):
    """Second moments of the inner optimiser, which are kept and stored with the model."""

    n_steps: Tensor

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.names = tuple(params)
        for index, weights in enumerate(params.values()):
            self.register_buffer(f"moment{index}", torch.zeros_like(weights))
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def read(self) -> tuple[Params, Tensor]:
        """Return the moments by parameter, and the number of steps they have seen."""
        moments = {name: getattr(self, f"moment{i}") for i, name in enumerate(self.names)}
        return moments, self.n_steps.clone()

    def write(self, moments: Params, n_steps: Tensor) -> None:
        """Keep moments for the next task."""
        for index, name in enumerate(self.names):
            getattr(self, f"moment{index}").copy_(moments[name])
        self.n_steps.copy_(n_steps)


class ReptileModel(nn.Module):
    """The weights that are meta-trained, and the inner optimiser's state."""

    def __init__(self, headed: nn.Module) -> None:
        super().__init__()
        self.headed = headed
        self.state = InnerState(parameters_of(headed))


@dataclass(frozen=True, eq=False)
class Reptile:
    """Learns an initialisation without differentiating through the inner loop.

    Args:
        inner_lr: Rate of the inner optimiser.
        n_steps: Number of inner steps in meta-training.
        n_test_steps: Number of inner steps at test.
        inner_batch: Number of images of an inner step.
        optimizer: Optimiser of the inner loop, `adam` (beta1 = 0) or `sgd`.
        meta_step: Epsilon at the start; annealed linearly to zero.
        meta_batch: Number of tasks whose results are averaged in a meta-step; 1 is the serial
            version.
        transductive: Whether the queries are normalised by their own statistics; otherwise each
            together with the support.
        mapped: Way a meta-step goes over its tasks, see `plugins.learner.inner_loop.over_tasks`; if
            not by a loop, the second moments go on as the mean of what the tasks make of them.
        row_steps: Number of steps of the inner optimiser in the detector.
    """

    inner_lr: float = 0.001
    n_steps: int = 5
    n_test_steps: int = 50
    inner_batch: int = 10
    optimizer: Literal["adam", "sgd"] = "adam"
    _: KW_ONLY
    meta_step: float = 1.0
    meta_batch: int = 5
    transductive: bool = False
    mapped: Mapped = "loop"
    row_steps: int = 5

    has_branch = True

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding with a head, and the inner optimiser's state."""
        return ReptileModel(headed(network, tasks))

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Step towards the mean of what the tasks make of the weights."""
        model = self.prepare(network, tasks)
        assert isinstance(model, ReptileModel)
        train_all = self._one_by_one(model) if self.mapped == "loop" else self._at_once(model)

        def loss() -> Tensor:
            means, last = train_all([tasks.task() for _ in range(self.meta_batch)])
            step = self.meta_step * (1 - run.progress)
            for name, weights in model.headed.named_parameters():
                weights.grad = step * (weights.detach() - means[name])
            return last

        # A rate of one: the gradient is the whole step.
        return run.train(model, loss, self.logits, torch.optim.SGD(model.headed.parameters(), 1.0))

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Train on the support; return (n_query, n_way) logits of the query."""
        assert isinstance(model, ReptileModel)
        fast, _ = self._train_on(model, episode, self.n_test_steps, meta_training=False)
        support, query = episode.support, episode.query
        if not self.transductive and len(query) and takes_reference(model):
            return logits_one_by_one(model.headed, fast, support, query)
        return query_logits(model.headed, fast, support, query, transductive=self.transductive)

    def _one_by_one(self, model: ReptileModel) -> Callable[[list[Episode]], tuple[Params, Tensor]]:
        """Return what maps tasks to the mean of the weights after them, and of the last losses."""

        def train_all(drawn: list[Episode]) -> tuple[Params, Tensor]:
            results = [
                self._train_on(model, task, self.n_steps, meta_training=True) for task in drawn
            ]
            names = [name for name, _ in model.headed.named_parameters()]
            means = {
                name: torch.stack([fast[name] for fast, _ in results]).mean(0) for name in names
            }
            return means, torch.stack([last for _, last in results]).mean()

        return train_all

    def _at_once(self, model: ReptileModel) -> Callable[[list[Episode]], tuple[Params, Tensor]]:
        """Return the same for tasks of one size, whose weights are stacked, (n_tasks, ...)."""
        mapped = torch.func.vmap(self._step_of(model), in_dims=(0, 0, None, 0, 0))
        step = compiled_if(self.mapped == "compiled", mapped)

        @torch.no_grad()
        def train_all(drawn: list[Episode]) -> tuple[Params, Tensor]:
            images = torch.stack([task.support for task in drawn])
            labels = torch.stack([task.support_labels for task in drawn])
            moments, seen = model.state.read()
            params = _repeated(parameters_of(model.headed), len(drawn))
            moments = _repeated(moments, len(drawn))
            batches = mini_batches(labels.shape[1], self.inner_batch, self.n_steps)
            params, moments, seen, last = self._steps_on(
                step, params, moments, seen, images, labels, batches
            )
            model.state.write({name: moment.mean(0) for name, moment in moments.items()}, seen)
            return {name: weights.mean(0) for name, weights in params.items()}, last.mean()

        return train_all

    @torch.no_grad()
    def _train_on(
        self, model: ReptileModel, task: Episode, n_steps: int, *, meta_training: bool
    ) -> tuple[Params, Tensor]:
        """Return the weights after training on a task's support, and the last loss.

        In meta-training the moments are kept for the next task, and the order of the images is
        another in each; at test a task has the same result each time.
        """
        images, labels = task.support, task.support_labels
        start = start_of(model.headed, images, labels, task.n_way)
        moments, seen = model.state.read()
        generator = None if meta_training else torch.Generator().manual_seed(0)
        batches = mini_batches(len(labels), self.inner_batch, n_steps, generator)
        fast, moments, seen, last = self._steps_on(
            self._step_of(model), start, moments, seen, images, labels, batches
        )
        if meta_training:
            model.state.write(moments, seen)
        return fast, last

    def _steps_on(
        self,
        step: Step,
        params: Params,
        moments: Params,
        seen: Tensor,
        images: Tensor,
        labels: Tensor,
        batches: list[Tensor],
    ) -> tuple[Params, Params, Tensor, Tensor]:
        """Take steps on mini-batches of one task, or of stacked tasks."""
        last, axis = torch.zeros(()), labels.ndim - 1
        for chosen in batches:
            part = images.index_select(axis, chosen), labels.index_select(axis, chosen)
            params, moments, last = step(params, moments, seen, *part)
            seen = seen + 1
        return params, moments, seen, last

    def _step_of(self, model: ReptileModel) -> Step:
        def step(
            params: Params, moments: Params, seen: Tensor, images: Tensor, labels: Tensor
        ) -> tuple[Params, Params, Tensor]:
            gradients, loss = torch.func.grad_and_value(
                lambda p: support_loss(model.headed, p, images, labels)
            )(params)
            return *self._inner_step(params, gradients, moments, seen), loss

        return step

    def _inner_step(
        self, params: Params, gradients: Params, moments: Params, seen: Tensor
    ) -> tuple[Params, Params]:
        if self.optimizer == "sgd":
            return {k: v - self.inner_lr * gradients[k] for k, v in params.items()}, moments
        # Rows of a task begin with the moment of their first gradient.
        before = {k: moments.get(k, gradients[k] ** 2) for k in params}
        moments = {k: BETA2 * v + (1 - BETA2) * gradients[k] ** 2 for k, v in before.items()}
        correction = 1 - BETA2 ** (seen + 1)
        stepped = {
            k: v - self.inner_lr * gradients[k] / ((moments[k] / correction).sqrt() + EPS)
            for k, v in params.items()
        }
        return stepped, moments

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
        moments = {name: torch.zeros_like(v) for name, v in rows.items()}
        return self._steps(loss, rows, moments, torch.zeros((), dtype=torch.int64))

    def _steps(
        self, loss: Callable[[Params], Tensor], params: Params, moments: Params, seen: Tensor
    ) -> Params:
        for taken in range(self.row_steps):
            gradients = torch.func.grad(loss)(params)
            params, moments = self._inner_step(params, gradients, moments, seen + taken)
        return params


def _repeated(params: Params, n_tasks: int) -> Params:
    """Return the parameters once for each task, (n_tasks, ...).

    In memory of their own, as a step returns them: compiled code is made anew for other strides.
    """
    return {
        name: value.detach().expand(n_tasks, *value.shape).contiguous()
        for name, value in params.items()
    }


def mini_batches(
    n: int, size: int, n_batches: int, generator: torch.Generator | None = None
) -> list[Tensor]:
    """Return indices of mini-batches that go through n images over and over, shuffled each time.

    A task smaller than a mini-batch is given whole.

    Args:
        n: Number of images.
        size: Size of a mini-batch.
        n_batches: Number of mini-batches.
        generator: Generator that shuffles; torch's own by default.
    """
    if n <= size:
        return [torch.arange(n)] * n_batches
    n_orders = -(-n_batches * size // n)
    endless = torch.cat([torch.randperm(n, generator=generator) for _ in range(n_orders)])
    return list(torch.split(endless[: n_batches * size], size))
