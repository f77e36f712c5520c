"""Train the scheduler policy on recorded traces, and export it.

python -m tools.schedulers.training train [--minutes 20]    # goes on if interrupted
python -m tools.schedulers.training export                  # to drivemeta/weights/scheduler.onnx
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from drivemeta.paths import SCHEDULER_POLICY
from drivemeta.plugins.scheduler.features import MODES
from drivemeta.training.schedulers.environment import EPISODES, LENGTH, PerceptionEnv
from drivemeta.training.schedulers.export import export_policy
from drivemeta.training.schedulers.recurrent import (
    Recipe,
    load_policy,
    new_model,
    train_policy,
)
from drivemeta.training.schedulers.traces import Trace, load_trace
from tools.provenance import ROOT

TRACES = Path(__file__).with_name("traces")
RUN = ROOT / "runs" / "rl" / "scheduler"
N_ENVS = 32
RECIPE = Recipe(
    n_steps=EPISODES * LENGTH,
    epochs=4,
    rate=1.5e-3,
    gamma=0.9,
    gae_lambda=0.9,
    entropy=0.005,
    hidden=32,
)


def load_traces(split: str) -> list[Trace]:
    """Return the traces of `train` or `held`."""
    return [load_trace(path) for path in sorted((TRACES / split).glob("*.safetensors"))]


def make_model(n_envs: int = N_ENVS) -> RecurrentPPO:
    """Return an untrained policy on the training clips."""
    traces = load_traces("train")
    envs = DummyVecEnv([lambda: Monitor(PerceptionEnv(traces)) for _ in range(n_envs)])
    envs.seed(RECIPE.seed)
    return new_model(envs, RECIPE)


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["train", "export"])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int, default=3_000_000)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.command == "train":
        progress = train_policy(
            *(make_model(), RUN, RECIPE), n_steps=given.steps, minutes=given.minutes
        )
        print(progress.steps, round(progress.seconds), progress.curve[-3:])
        return 0
    model = make_model(1)
    steps = load_policy(model, RUN)
    about = {"modes": list(MODES), "steps": steps, "seed": RECIPE.seed}
    export_policy(model, SCHEDULER_POLICY, about)
    print(SCHEDULER_POLICY, SCHEDULER_POLICY.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
