"""RL^2 on multi-armed bandits, beside the strategies of the paper.

    python -m tools.papers.bandits train 5 10 [--minutes 20] [--start 5 10]
    python -m tools.papers.bandits test         # 1,000 instances each, kept beside this file

Training goes on if interrupted. Sizes are arms and episodes. `--start` begins with the weights
trained at another size of as many arms. The figures go into docs/paper-tables.md by
`python -m tools.papers.tables write`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from sb3_contrib import RecurrentPPO

from drivemeta.files import write_text
from drivemeta.training.schedulers.bandits import Bandits
from drivemeta.training.schedulers.recurrent import (
    Recipe,
    load_policy,
    new_model,
    train_policy,
)
from tools.papers.bandit_strategies import STRATEGIES, play
from tools.provenance import ROOT

RUNS, KEPT = ROOT / "runs" / "rl", Path(__file__).with_name("bandits.json")
SIZES = ((5, 10), (10, 10), (5, 100), (10, 100))  # arms, episodes
N_INSTANCES, TEST_SEED = 1000, 1_000_003
N_ENVS = {10: 1024, 100: 512}
RECIPES = {
    10: Recipe(10, epochs=3, rate=2e-3, gae_lambda=0.9, entropy=0.02, entropy_falls=True),
    100: Recipe(100, minibatches=8, epochs=3, gae_lambda=0.9, entropy=0.01, entropy_falls=True),
}


def model_of(arms: int, pulls: int, n_envs: int | None = None, seed: int = 1) -> RecurrentPPO:
    """Return an untrained policy for bandits of a size."""
    env = Bandits(arms, pulls, n_envs or N_ENVS[pulls], seed, expected=True)
    return new_model(env, RECIPES[pulls])


def train_one(arms: int, pulls: int, given: argparse.Namespace) -> None:
    """Train one size for steps or minutes."""
    model, folder = model_of(arms, pulls), RUNS / f"bandit_{arms}_{pulls}"
    if given.start and not folder.exists():
        load_policy(model, RUNS / f"bandit_{given.start[0]}_{given.start[1]}")
    done = train_policy(model, folder, RECIPES[pulls], n_steps=given.steps, minutes=given.minutes)
    print(done.steps, round(done.seconds), done.curve[-3:])


def rewards_of_policy(model: RecurrentPPO, env: Bandits) -> np.ndarray:
    """Return the total reward of each instance; actions are drawn, as in training."""
    observations, state = env.reset(), None
    starts = np.ones(env.num_envs, bool)
    totals = np.zeros(env.num_envs)
    for _ in range(env.n_steps):
        actions, state = model.predict(observations, state, starts, deterministic=False)
        env.step_async(actions)
        observations, rewards, starts, _ = env.step_wait()
        totals += rewards
    return totals


def row(name: str, arms: int, pulls: int, totals: np.ndarray, **more: object) -> dict[str, object]:
    """Return one result: mean total reward and half the width of its 95 % interval."""
    half = 1.96 * totals.std(ddof=1) / np.sqrt(len(totals))
    size = {"strategy": name, "arms": arms, "episodes": pulls}
    return {**size, "mean": round(float(totals.mean()), 3), "half": round(float(half), 3), **more}


def test() -> None:
    """Play the same 1,000 instances by every strategy, and by the policies that were trained.

    The figures of policies that are not at hand stay as they were.
    """
    before = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else []
    rows: list[dict[str, object]] = []
    for arms, pulls in SIZES:
        for name, strategy in STRATEGIES.items():
            env = Bandits(arms, pulls, N_INSTANCES, TEST_SEED)
            rows.append(row(name, arms, pulls, play(strategy, env, seed=0)))
            print(rows[-1], flush=True)
        folder = RUNS / f"bandit_{arms}_{pulls}"
        if (folder / "policy.safetensors").is_file():
            model = model_of(arms, pulls, 1)
            steps = load_policy(model, folder)
            env = Bandits(arms, pulls, N_INSTANCES, TEST_SEED)
            torch.manual_seed(0)
            rows.append(row("rl2", arms, pulls, rewards_of_policy(model, env), steps=steps))
            print(rows[-1], flush=True)
        else:
            size = ("rl2", arms, pulls)
            rows += [r for r in before if (r["strategy"], r["arms"], r["episodes"]) == size]
    write_text(KEPT, json.dumps(rows, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["train", "test"])
    parser.add_argument("size", type=int, nargs="*", help="arms and episodes")
    parser.add_argument("--start", type=int, nargs=2, help="arms and episodes trained before")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int, default=10**9)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.command == "test":
        test()
    elif len(given.size) != 2:
        parser.error(f"train: expected arms and episodes, found {len(given.size)} numbers")
    else:
        train_one(given.size[0], given.size[1], given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
