"""The training loop that both levels share: schedule, moving average, checkpoints, logs."""

from __future__ import annotations

import csv
import importlib.util
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from drivemeta.errors import ConfigError
from drivemeta.training.checkpoint import load_checkpoint, save_checkpoint

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class RunPlan:
    """How long and how fast to train.

    Attributes:
        out: Folder of the checkpoint and the logs.
        minutes: Wall-clock time over which the learning rate falls to zero, pauses not counted.
        learning_rate: Learning rate after the warm-up, the greatest.
        weight_decay: Weight decay of AdamW; normalisation and biases are spared.
        backbone_factor: Learning rate of pretrained layers, relative to the rest.
        warmup_steps: Steps over which the learning rate rises.
        average_decay: Decay of the exponential moving average of the weights.
        checkpoint_minutes: Minutes between checkpoints.
        steps: Steps over which the learning rate falls instead, where the machine is shared.
    """

    out: Path
    minutes: float
    learning_rate: float
    weight_decay: float = 0.02
    backbone_factor: float = 0.3
    warmup_steps: int = 200
    average_decay: float = 0.998
    checkpoint_minutes: float = 3.0
    steps: int | None = None

    def done(self, progress: dict[str, Any]) -> float:
        """Return how much of the run is over, 1 at its end."""
        if self.steps is not None:
            return float(progress["step"] / self.steps)
        return float(progress["seconds"] / (self.minutes * 60))


Batch = Any
Losses = dict[str, Tensor]


def train_level(
    model: nn.Module,
    next_batch: Callable[[], Batch],
    losses: Callable[[Batch], Losses],
    plan: RunPlan,
    *,
    resume: bool,
) -> dict[str, Tensor]:
    """Train until the plan's minutes or steps are over; return the moving average of the weights.

    Args:
        model: Model, trained in place; frozen parameters stay as they are.
        next_batch: Function that returns a batch, called from a background thread, one batch ahead.
        losses: Function from a batch to the parts of its loss, which are summed.
        plan: How long and how fast to train.
        resume: Whether to go on from the checkpoint in `plan.out` instead of starting anew.

    Raises:
        ConfigError: `resume` without a checkpoint.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    trained = _Trained(model, plan)
    if resume:
        trained.restore()
    log = _Log(plan.out, append=resume)
    last_saved = last = time.monotonic()
    with ThreadPoolExecutor(1) as loader, _bar(plan) as bar:
        task = bar.add_task("training", total=1.0, step=0)
        pending = loader.submit(next_batch)
        while plan.done(trained.progress) < 1:
            batch, pending = pending.result(), loader.submit(next_batch)
            trained.step(parts := losses(batch))
            now = time.monotonic()
            trained.count(now - last)
            last = now
            log.add(trained.progress, {k: float(v.detach()) for k, v in parts.items()})
            done = plan.done(trained.progress)
            bar.update(task, completed=done, step=trained.progress["step"])
            if now - last_saved > plan.checkpoint_minutes * 60:
                trained.save()
                last_saved = now
        pending.result()
    trained.save()
    log.close(trained.progress)
    return trained.average


class _Trained:
    """All that a checkpoint holds: weights, their moving average, optimiser and progress."""

    def __init__(self, model: nn.Module, plan: RunPlan) -> None:
        self._model, self._plan = model, plan
        self._optimizer = _optimizer(model, plan)
        self._path = plan.out / CHECKPOINT
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.progress: dict[str, Any] = {"step": 0, "seconds": 0.0}

    def restore(self) -> None:
        if not self._path.is_file():
            raise ConfigError(f"--resume: expected a checkpoint, found none at {self._path}")
        self.progress = load_checkpoint(self._path, self._model, self.average, self._optimizer)

    def save(self) -> None:
        save_checkpoint(self._path, self._model, self.average, self._optimizer, self.progress)

    def step(self, parts: Losses) -> None:
        """Take one step down the sum of the losses."""
        _set_learning_rate(self._optimizer, self._plan, self.progress)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), 10.0)
        self._optimizer.step()
        taken = self.progress["step"]
        decay = min(self._plan.average_decay, (1 + taken) / (10 + taken))
        _update_average(self.average, self._model, decay)

    def count(self, seconds: float) -> None:
        """Count a step and the seconds that it took."""
        step, before = self.progress["step"], self.progress["seconds"]
        self.progress = {"step": step + 1, "seconds": before + seconds}


def _optimizer(model: nn.Module, plan: RunPlan) -> torch.optim.AdamW:
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = ("backbone" in name, parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": plan.weight_decay if decays else 0.0,
                "factor": plan.backbone_factor if pretrained else 1.0,
            }
            for (pretrained, decays), parameters in groups.items()
        ],
        lr=plan.learning_rate,
    )


def _set_learning_rate(
    optimizer: torch.optim.Optimizer, plan: RunPlan, progress: dict[str, Any]
) -> None:
    """Warm up by steps, then follow half a cosine over the run."""
    warm = min(1.0, (progress["step"] + 1) / plan.warmup_steps)
    done = min(1.0, plan.done(progress))
    rate = plan.learning_rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


@torch.no_grad()
def _update_average(average: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            average[key].lerp_(value, 1 - decay)
        else:
            average[key].copy_(value)


class _Log:
    """Running means of the losses, as CSV and for TensorBoard where it is installed."""

    def __init__(self, folder: Path, *, append: bool, every: int = 20) -> None:
        self._path = folder / "log.csv"
        if not append:
            self._path.unlink(missing_ok=True)
        self._every = every
        self._sums: dict[str, float] = {}
        self._n_steps = 0  # in the sums
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (optional)

            self._writer = SummaryWriter(str(folder))

    def add(self, progress: dict[str, Any], parts: dict[str, float]) -> None:
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._n_steps += 1
        if progress["step"] % self._every == 0:
            self._write(progress)

    def _write(self, progress: dict[str, Any]) -> None:
        means = {name: value / self._n_steps for name, value in self._sums.items()}
        self._sums, self._n_steps = {}, 0
        row = {
            "step": progress["step"],
            "seconds": round(progress["seconds"], 1),
            **means,
        }
        new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(name, value, progress["step"])

    def close(self, progress: dict[str, Any]) -> None:
        if self._n_steps:
            self._write(progress)
        if self._writer is not None:
            self._writer.close()


def _bar(plan: RunPlan) -> Progress:
    return Progress(
        TextColumn(plan.out.name),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("step {task.fields[step]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
