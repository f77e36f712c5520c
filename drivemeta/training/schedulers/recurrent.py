"""Training a policy by PPO, with memory or without, so that a run can be gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from drivemeta.errors import InputError
from drivemeta.files import atomic_path, write_text
from drivemeta.training.schedulers.policy import TrialPolicy

SAVE_S = 60.0


@dataclass(frozen=True)
class Recipe:
    """How a policy is trained.

    Attributes:
        n_steps: Number of steps of a rollout of each trial; a multiple of a trial's steps keeps
            trials whole.
        minibatches: Number of parts that a rollout is split into.
        epochs: Number of passes over a rollout.
        rate: Learning rate at the start; falls linearly to a twentieth.
        gamma: Discount.
        gae_lambda: Lambda of the advantages.
        entropy: Weight of the entropy bonus.
        entropy_falls: Whether it falls as the learning rate does, so that a policy tries much at
            first and is sure at last.
        hidden: Number of units of the LSTM of the policy, and of that of the values.
        heads: Widths of the layers after each LSTM.
        most_change: KL divergence from the rollout's policy at which its epochs end; None for no
            limit.
        log_std: Natural logarithm of the deviation of continuous actions at the start.
        seed: Seed of weights and actions.
    """

    n_steps: int
    minibatches: int = 4
    epochs: int = 5
    rate: float = 1e-3
    gamma: float = 0.99
    gae_lambda: float = 0.3
    entropy: float = 0.0
    entropy_falls: bool = False
    hidden: int = 64
    heads: tuple[int, ...] = ()
    most_change: float | None = None
    log_std: float = 0.0
    seed: int = 0


def new_model(env: VecEnv, recipe: Recipe) -> RecurrentPPO:
    """Return an untrained policy for an environment."""
    return RecurrentPPO(
        TrialPolicy,
        env,
        policy_kwargs={"lstm_hidden_size": recipe.hidden, **_network(recipe)},
        **_arguments(env, recipe),
    )


def memoryless_model(env: VecEnv, recipe: Recipe) -> PPO:
    """Return an untrained policy that sees one observation at a time; `hidden` is of no use."""
    return PPO("MlpPolicy", env, policy_kwargs=_network(recipe), **_arguments(env, recipe))


def _network(recipe: Recipe) -> dict[str, Any]:
    return {"net_arch": list(recipe.heads), "log_std_init": recipe.log_std}


def _arguments(env: VecEnv, recipe: Recipe) -> dict[str, Any]:
    return {
        "n_steps": recipe.n_steps,
        "batch_size": recipe.n_steps * env.num_envs // recipe.minibatches,
        "n_epochs": recipe.epochs,
        "learning_rate": recipe.rate,
        "gamma": recipe.gamma,
        "gae_lambda": recipe.gae_lambda,
        "ent_coef": recipe.entropy,
        "target_kl": recipe.most_change,
        "stats_window_size": 1000,
        "seed": recipe.seed,
        "device": "cpu",
    }


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        steps: Number of environment steps so far.
        seconds: Seconds of training so far.
        curve: (steps, mean return of the latest trials), one row a rollout or more.
    """

    steps: int = 0
    seconds: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)


def train_policy(
    model: OnPolicyAlgorithm, folder: Path, recipe: Recipe, *, n_steps: int, minutes: float
) -> Progress:
    """Train until a number of steps or minutes; goes on from what the folder holds.

    The learning rate follows the larger part of the two that is used up.

    Args:
        model: Model, trained in place.
        folder: Folder of weights, Adam's moments and the curve; no pickle.
        recipe: Recipe of the training.
        n_steps: Number of environment steps of all runs together.
        minutes: Minutes of all runs together.

    Raises:
        InputError: the folder holds weights of another network.
    """
    progress = _restore(model, folder)

    def left(steps: int, seconds: float) -> float:
        return max(0.05, 1 - max(steps / n_steps, seconds / (60 * minutes)))

    watch = _Watch(progress, folder, recipe, left, minutes)
    if progress.steps < n_steps and progress.seconds < 60 * minutes:
        # The library's own logger leaves a folder in /tmp.
        model.set_logger(Logger(folder=None, output_formats=[]))
        model.learn(n_steps - progress.steps, callback=watch)
    _save(model, folder, progress)
    return progress


def load_policy(model: OnPolicyAlgorithm, folder: Path) -> int:
    """Give a policy the weights of a run; return the steps it was trained for.

    Raises:
        InputError: there are none, or they are of another network.
    """
    steps = _restore(model, folder).steps
    if not steps:
        raise InputError(f"{folder}: expected a trained policy, found none; train it first")
    return steps


class _Watch(BaseCallback):  # type: ignore[misc,unused-ignore]
    """Keeps the curve, the rate, the time and the weights."""

    def __init__(
        self,
        progress: Progress,
        folder: Path,
        recipe: Recipe,
        left: Callable[[int, float], float],
        minutes: float,
    ) -> None:
        super().__init__()
        self._progress, self._folder, self._recipe = progress, folder, recipe
        self._left, self._minutes = left, minutes
        self._last = self._saved = time.monotonic()
        self._before = progress.steps

    def _on_step(self) -> bool:
        return self._progress.seconds < 60 * self._minutes

    def _on_rollout_end(self) -> None:
        now, progress = time.monotonic(), self._progress
        progress.seconds += now - self._last
        self._last = now
        progress.steps = self._before + self.num_timesteps
        left = self._left(progress.steps, progress.seconds)
        self.model.lr_schedule = lambda _: self._recipe.rate * left
        if self._recipe.entropy_falls:
            cast(RecurrentPPO, self.model).ent_coef = self._recipe.entropy * left
        if self.model.ep_info_buffer:
            mean = float(np.mean([info["r"] for info in self.model.ep_info_buffer]))
            progress.curve.append((progress.steps, round(mean, 4)))
        if now - self._saved > SAVE_S:
            self._saved = now
            _save(cast(OnPolicyAlgorithm, self.model), self._folder, progress)


def _save(model: OnPolicyAlgorithm, folder: Path, progress: Progress) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"policy.{k}": v.contiguous() for k, v in model.policy.state_dict().items()}
    for i, moments in model.policy.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{i}.{name}": value for name, value in moments.items()}
    with atomic_path(folder / "policy.safetensors") as path:
        save_file({k: v.clone() for k, v in tensors.items()}, path)
    write_text(folder / "progress.json", json.dumps(vars(progress)) + "\n")


def _restore(model: OnPolicyAlgorithm, folder: Path) -> Progress:
    path = folder / "policy.safetensors"
    if not path.is_file():
        return Progress()
    stored = load_file(path)
    weights = {k[7:]: v for k, v in stored.items() if k.startswith("policy.")}
    try:
        model.policy.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path}: expected weights of this network, found others: {error}") from (
            error
        )
    model.policy.optimizer.load_state_dict(_adam(model.policy.optimizer.state_dict(), stored))
    kept = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    curve = [(int(steps), float(mean)) for steps, mean in kept["curve"]]
    return Progress(kept["steps"], kept["seconds"], curve)


def _adam(fresh: dict[str, Any], stored: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return an optimiser's state with its moments as stored."""
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in stored.items():
        if key.startswith("adam."):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = value
    return {**fresh, "state": moments}
