"""Compare the schedulers on held-out clips and device speeds, and draw a slow-down.

    python -m tools.schedulers.benchmark run [--trials 300]   # figures into benchmark.json
    python -m tools.schedulers.benchmark plot                 # docs/images/scheduler_slowdown.png

Every strategy plays the same trials: clip segments, speeds, jitter and load are drawn by the
trial's number. The plugins run as in the pipeline; a second stands for the time between frames.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.files import atomic_path, write_text
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.features import MODES
from drivemeta.plugins.scheduler.protocol import Scheduler
from drivemeta.training.schedulers.device import HELD_SPEEDS, Device
from drivemeta.training.schedulers.environment import EPISODES, LENGTH, PerceptionEnv
from tools.provenance import ROOT
from tools.schedulers.training import load_traces

KEPT = Path(__file__).with_name("benchmark.json")
PLOT = ROOT / "docs" / "images" / "scheduler_slowdown.png"
KEYS = ("reward", "recall", "late", "compute")
EVERY = (1, 2, 3, 4, 6, 8)
STREAM = StreamInfo("trace", (), (1, 1), 1.0, live=True)
Make = Callable[[PerceptionEnv], Scheduler]


def plugin(name: str, **wanted: Any) -> Make:
    """Return what builds a scheduler plugin for a trial, in a run that wants `every` and `look`."""

    def make(env: PerceptionEnv) -> Scheduler:
        latency = 1000 * env.device.budget
        context = RunContext(modes=tuple(env.offered), max_latency_ms=latency, **wanted)
        made: Scheduler = default_registry().create("scheduler", name, context=context)
        return made

    return make


def play(env: PerceptionEnv, make: Make | None, seed: int) -> list[dict[str, Any]]:
    """Play one trial by a scheduler, or by the best look at each frame alone; one row a frame."""
    env.reset(seed=seed)
    scheduler = make(env) if make is not None else None
    if scheduler is not None:
        scheduler.reset(STREAM)
    rows = []
    for _ in range(env.n_steps):
        if scheduler is None:
            action = env.best_look()[1]
        else:
            action = MODES.index(scheduler.act(env.state()).mode)
        _, reward, _, _, info = env.step(np.int64(action))
        if scheduler is not None:
            for frame, outcome in env.outcomes:
                scheduler.observe(frame, outcome)
        rows.append({"reward": reward, **info})
    return rows


def measure(env: PerceptionEnv, make: Make | None, n_trials: int) -> NDArray[np.float64]:
    """Return (n_trials, 4): mean reward, recall, late looks and compute a frame."""
    means = []
    for trial in range(n_trials):
        rows = play(env, make, 10_000 + trial)
        means.append([np.mean([row[key] for row in rows]) for key in KEYS])
    return np.array(means, np.float64)


def run(n_trials: int) -> None:
    """Measure all strategies and keep the figures."""
    env = PerceptionEnv(load_traces("held"), HELD_SPEEDS)
    fixed = {
        (every, mode): measure(env, plugin("fixed", every=every, look=mode), n_trials)
        for every in EVERY
        for mode in ("full", "sliced")
    }
    best = max(fixed, key=lambda key: fixed[key][:, 0].mean())
    each = np.stack(list(fixed.values()))  # (n_fixed, n_trials, 4)
    chosen = each[each[:, :, 0].argmax(0), np.arange(n_trials)]
    results = {
        "rl2": measure(env, plugin("rl2"), n_trials),
        "heuristic": measure(env, plugin("heuristic"), n_trials),
        f"fixed, best of all: {best[1]}, every {best[0]}": fixed[best],
        "fixed, best for each trial": chosen,
        "oracle": measure(env, None, n_trials),
    }
    rows = [_row(name, values, results["rl2"]) for name, values in results.items()]
    about = {"trials": n_trials, "frames": EPISODES * LENGTH, "rows": rows}
    write_text(KEPT, json.dumps(about, indent=1) + "\n")
    for row in rows:
        print(row)


def _row(name: str, values: NDArray[np.float64], rl2: NDArray[np.float64]) -> dict[str, object]:
    mean, half = values.mean(0), _half(values)
    ahead = (rl2 - values)[:, :1]
    return {
        "scheduler": name,
        **{key: [round(float(mean[i]), 4), round(float(half[i]), 4)] for i, key in enumerate(KEYS)},
        "rl2_ahead": [round(float(ahead.mean()), 4), round(float(_half(ahead)[0]), 4)],
    }


def _half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half the width of the 95 % interval of each column's mean."""
    half: NDArray[np.float64] = 1.96 * values.std(0, ddof=1) / np.sqrt(len(values))
    return half


def plot(path: Path, schedulers: Sequence[str] = ("rl2", "heuristic")) -> None:
    """Draw what each scheduler does when the device slows down in the middle of a clip."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    device = Device(0.4, jitter=0.1, budget=1.0, step_at=LENGTH // 2, step=4.0)
    env = PerceptionEnv(load_traces("held"), n_episodes=1, device=device, offered=MODES)
    figure, axes = plt.subplots(len(schedulers), 1, figsize=(8, 4.5), sharex=True)
    for axis, name in zip(axes, schedulers, strict=True):
        rows = play(env, plugin(name), 7)
        frames = np.arange(len(rows))
        axis.step(frames, [MODES.index(row["mode"]) for row in rows], where="mid", label="look")
        late = [i for i, row in enumerate(rows) if row["late"]]
        axis.scatter(late, [MODES.index(rows[i]["mode"]) for i in late], color="red", label="late")
        axis.axvline(device.step_at - 0.5, color="grey", linestyle="--")
        axis.set_yticks(range(len(MODES)), MODES)
        axis.set_title(f"{name}: mean reward {np.mean([row['reward'] for row in rows]):.2f}")
    axes[0].legend(loc="upper right")
    axes[-1].set_xlabel("frame; looks take four times as long from the dashed line on")
    figure.tight_layout()
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=90, format="png")


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["run", "plot"])
    parser.add_argument("--trials", type=int, default=300)
    given = parser.parse_args(arguments)
    if given.command == "run":
        run(given.trials)
    else:
        plot(PLOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
