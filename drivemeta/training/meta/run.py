"""One meta-training: steps until the budget is spent, checkpoints, validation, a log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from drivemeta.errors import ConfigError, ModelFileError
from drivemeta.files import write_text
from drivemeta.plugins.learner.protocol import MetaState, TaskSource
from drivemeta.training.checkpoint import load_checkpoint, save_checkpoint
from drivemeta.training.meta.accuracy import Logits, evaluate

CHECKPOINT = "metatrain.checkpoint.safetensors"
CURVE = "curve.json"
# Of weights that were trained before: the first steps of an Adam that has no moments yet are as
# long as its rate whatever the gradient, and would undo much of that training.
N_WARM_UP = 100


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When a meta-training ends.

    Attributes:
        iterations: Most iterations.
        minutes: Most minutes, over all resumed parts; None for no limit.
    """

    iterations: int
    minutes: float | None = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Rate of the outer loop, where the method leaves it open.

    Attributes:
        first: Rate at first.
        halve_every: Iterations after which it is halved, again and again; 0 for never.
        anneal: Whether it falls to zero along half a cosine over the budget, as well.
    """

    first: float
    halve_every: int = 0
    anneal: bool = False


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How the weights to keep are found.

    Attributes:
        every: Iterations between validations and checkpoints.
        n_episodes: Episodes of a validation.
        at_start: Whether the weights that are started from may turn out to be the best.
        keep_last: Whether the last weights are the result, not those of the best validation.
    """

    every: int
    n_episodes: int
    at_start: bool = False
    keep_last: bool = False


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a meta-training goes on from.

    Attributes:
        weights: File that an earlier run wrote, None for none; with one, the rate rises from zero
            over 100 iterations.
        iteration: Iterations that those were trained; they count, and what is drawn goes on.
    """

    weights: Path | None = None
    iteration: int = 0


@dataclass(frozen=True, kw_only=True)
class MetaPlan:
    """How a meta-training goes.

    Attributes:
        out: Folder of the checkpoint and the curve.
        budget: When it ends.
        rate: Rate of the outer loop.
        validation: How the weights to keep are found.
        start: What it goes on from.
        seed: Seed of what the learner draws itself.
    """

    out: Path
    budget: Budget
    rate: Rate
    validation: Validation
    start: Start = Start()
    seed: int = 0


class Run:
    """Drives a meta-training; given to a learner's `meta_train`.

    Args:
        plan: Plan of the run.
        tasks: Tasks that are trained on, sought before each iteration.
        validation: Tasks of other classes of the same kind.
        resume: Whether to go on from the checkpoint in the plan's folder.
        report: Function that takes a line of progress at each validation.
    """

    def __init__(
        self,
        plan: MetaPlan,
        tasks: TaskSource,
        validation: TaskSource,
        *,
        resume: bool,
        report: Callable[[str], None],
    ) -> None:
        self._plan, self._tasks, self._validation = plan, tasks, validation
        self._resume, self._report = resume, report
        self._iteration, self._seconds = plan.start.iteration, 0.0
        self._curve: list[tuple[int, float]] = []

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        minutes = self._plan.budget.minutes
        by_time = self._seconds / 60 / minutes if minutes else 0.0
        begun = self._plan.start.iteration
        by_count = (self._iteration - begun) / max(1, self._plan.budget.iterations - begun)
        return min(1.0, max(by_time, by_count))

    def train(
        self,
        model: nn.Module,
        loss: Callable[[], Tensor],
        logits: Logits,
        optimizer: torch.optim.Optimizer | None = None,
    ) -> MetaState:
        """Step until the budget is spent; return the weights that the plan keeps."""
        given = optimizer
        optimizer = given or torch.optim.Adam(model.parameters(), self._plan.rate.first)
        if self._plan.start.weights is not None and not self._resume:
            load_weights(model, self._plan.start.weights)
        best = {key: value.clone() for key, value in model.state_dict().items()}
        if self._resume:
            self._restore(model, best, optimizer)
        elif self._plan.validation.at_start:
            self._validate(model, logits, best)
        while self.progress < 1:
            started = time.perf_counter()
            if given is None:
                self._set_rate(optimizer)
            self._step(model, loss, optimizer)
            self._seconds += time.perf_counter() - started
            if self._iteration % self._plan.validation.every == 0 or self.progress >= 1:
                self._validate(model, logits, best)
                self._save(model, best, optimizer)
        iterations = max(self._curve, key=self._rank)[0]
        return MetaState(best, iterations, self._seconds / 60, tuple(self._curve))

    def _step(
        self, model: nn.Module, loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer
    ) -> None:
        model.train()
        torch.manual_seed(self._plan.seed + self._iteration)
        self._tasks.seek(self._iteration)
        optimizer.zero_grad()
        value = loss()
        if not math.isfinite(value.item()):
            raise ConfigError(
                f"the loss is {value.item()} at iteration {self._iteration}; lower the learning "
                "rate or the rate of the inner loop"
            )
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self._iteration += 1

    def _set_rate(self, optimizer: torch.optim.Optimizer) -> None:
        rate, start = self._plan.rate, self._plan.start
        halvings = self._iteration // rate.halve_every if rate.halve_every else 0
        annealed = 0.5 * (1 + math.cos(math.pi * self.progress)) if rate.anneal else 1.0
        taken = self._iteration - start.iteration + 1
        warmed = 1.0 if start.weights is None else min(1.0, taken / N_WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = rate.first * 0.5**halvings * annealed * warmed

    def _validate(self, model: nn.Module, logits: Logits, best: dict[str, Tensor]) -> None:
        found = evaluate(model, logits, self._validation, self._plan.validation.n_episodes)
        self._curve.append((self._iteration, found.mean))
        if max(self._curve, key=self._rank) is self._curve[-1]:
            best.update({key: value.clone() for key, value in model.state_dict().items()})
        self._report(
            f"iteration {self._iteration}, {self._seconds / 60:.1f} minutes, validation "
            f"{100 * found.mean:.2f} +- {100 * found.interval:.2f} %"
        )

    def _rank(self, point: tuple[int, float]) -> float:
        """Return by how much a point of the curve is the one to keep."""
        return point[0] if self._plan.validation.keep_last else point[1]

    def _save(
        self, model: nn.Module, best: dict[str, Tensor], optimizer: torch.optim.Optimizer
    ) -> None:
        progress = {"iteration": self._iteration, "seconds": self._seconds, "curve": self._curve}
        save_checkpoint(self._plan.out / CHECKPOINT, model, best, optimizer, progress)
        write_text(self._plan.out / CURVE, json.dumps(self._curve))

    def _restore(
        self, model: nn.Module, best: dict[str, Tensor], optimizer: torch.optim.Optimizer
    ) -> None:
        path = self._plan.out / CHECKPOINT
        if not path.is_file():
            raise ModelFileError(f"cannot resume from checkpoint {path}: there is none")
        progress = load_checkpoint(path, model, best, optimizer)
        self._iteration, self._seconds = int(progress["iteration"]), float(progress["seconds"])
        self._curve = [(int(i), float(accuracy)) for i, accuracy in progress["curve"]]


def load_weights(model: nn.Module, path: Path) -> None:
    """Load meta-trained weights in place.

    Raises:
        ModelFileError: the file is missing, damaged or of another model.
    """
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ModelFileError(f"cannot load meta-trained weights {path}: {error}") from error
