"""RL^2 on the point navigation of the MAML paper, beside PPO without memory.

    python -m tools.papers.navigation train rl2 [--minutes 12]   # or ppo; goes on if interrupted
    python -m tools.papers.navigation test             # 1,000 goals, kept beside this file
    python -m tools.papers.navigation plot             # docs/images/navigation.png

Both see the same: position, last action, last reward, begin of an episode. A trial is two episodes.
The figures go into docs/paper-tables.md by `python -m tools.papers.tables write`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from drivemeta.files import atomic_path, write_text
from drivemeta.training.schedulers.points import HORIZON, Points, best_return
from drivemeta.training.schedulers.recurrent import (
    Recipe,
    load_policy,
    memoryless_model,
    new_model,
    train_policy,
)
from tools.provenance import ROOT

RUNS, KEPT = ROOT / "runs" / "rl", Path(__file__).with_name("navigation.json")
PLOT = ROOT / "docs" / "images" / "navigation.png"
EPISODES, N_ENVS = 2, 64
N_GOALS, TEST_SEED = 1000, 1_000_003
STEPS = EPISODES * HORIZON
PPO = Recipe(
    STEPS,
    minibatches=8,
    epochs=5,
    rate=1e-3,
    gamma=0.95,
    gae_lambda=0.9,
    most_change=0.03,
    log_std=-0.5,
)
RECIPES = {"rl2": PPO, "ppo": replace(PPO, heads=(64, 64))}
LABELS = {"rl2": "RL^2 (recurrent PPO)", "ppo": "PPO without memory"}


def model_of(name: str, n_envs: int = N_ENVS) -> OnPolicyAlgorithm:
    """Return an untrained policy."""
    build = new_model if name == "rl2" else memoryless_model
    env = VecNormalize(Points(EPISODES, n_envs, seed=1), norm_obs=False, gamma=PPO.gamma)
    return build(env, RECIPES[name])  # rewards scaled: squares of far distances are large


def returns_of(model: OnPolicyAlgorithm, env: Points) -> np.ndarray:
    """Return what each episode of each trial pays, (n_trials, n_episodes), without noise."""
    observations, state = env.reset(), None
    starts = np.ones(env.num_envs, bool)
    totals = np.zeros((env.num_envs, EPISODES))
    for i in range(env.n_steps):
        actions, state = model.predict(observations, state, starts, deterministic=True)
        env.step_async(actions)
        observations, rewards, starts, _ = env.step_wait()
        totals[:, i // HORIZON] += rewards
    return totals


def row(name: str, totals: np.ndarray, **more: object) -> dict[str, object]:
    """Return the mean of each episode's return and half the width of its 95 % interval."""
    half = 1.96 * totals.std(0, ddof=1) / np.sqrt(len(totals))
    return {"policy": name, "mean": totals.mean(0).round(3).tolist(), "half": half.tolist(), **more}


def test() -> None:
    """Play the same goals by both policies, beside standing still and seeing the goal."""
    env = Points(EPISODES, N_GOALS, TEST_SEED)
    env.reset()
    still = np.repeat(-HORIZON * (env.goals**2).sum(1)[:, None], EPISODES, 1)
    best = np.repeat(best_return(env.goals)[:, None], EPISODES, 1)
    rows = [row("still", still), row("sees the goal", best)]
    for name in RECIPES:
        model = model_of(name, 1)
        steps = load_policy(model, RUNS / f"navigation_{name}")
        env = Points(EPISODES, N_GOALS, TEST_SEED)
        rows.append(row(name, returns_of(model, env), steps=steps))
    write_text(KEPT, json.dumps(rows, indent=1) + "\n")
    print(*rows, sep="\n")


def plot(path: Path) -> None:
    """Draw the learning curves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4))
    for name, label in LABELS.items():
        kept = json.loads((RUNS / f"navigation_{name}" / "progress.json").read_text("utf-8"))
        steps, returns = np.array(kept["curve"]).T
        axis.plot(steps / 1e6, returns / EPISODES, label=label)
    for held in json.loads(KEPT.read_text("utf-8"))[:2]:
        axis.axhline(np.mean(held["mean"]), color="grey", linestyle="--", linewidth=1)
        axis.text(0, np.mean(held["mean"]), held["policy"], va="bottom", color="grey")
    axis.set_xlabel("environment steps, millions")
    axis.set_ylabel("return of an episode of 100 steps, in training")
    axis.set_ylim(bottom=-40)
    axis.legend(loc="lower right")
    figure.tight_layout()
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=90, format="png")


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["train", "test", "plot"])
    parser.add_argument("name", nargs="?", choices=list(RECIPES), default="rl2")
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--steps", type=int, default=10_000_000)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.command == "train":
        recipe, folder = RECIPES[given.name], RUNS / f"navigation_{given.name}"
        limits = {"n_steps": given.steps, "minutes": given.minutes}
        done = train_policy(model_of(given.name), folder, recipe, **limits)
        print(done.steps, round(done.seconds), done.curve[-3:])
    elif given.command == "test":
        test()
    else:
        plot(PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
