"""The papers' own protocols on Omniglot, one row at a time.

    python -m tools.papers.tables list
    python -m tools.papers.tables train protonet_5w1s [--minutes 20] [--resume | --continue]
    python -m tools.papers.tables train matching_5w1s --from protonet_5w1s
    python -m tools.papers.tables train maml_5w1s --continue --with-validation --minutes 60
    python -m tools.papers.tables test [protonet_5w1s ...] [--on train] [--n-query 15] [--keep]
    python -m tools.papers.tables test protonet_5w1s --like siamese_20w1s [--keep]
    python -m tools.papers.tables test siamese_20w1s --on lake [--keep]
    python -m tools.papers.tables speed [maml_5w1s ...]
    python -m tools.papers.tables write

`train` keeps the small weights and what came of them in `tools/papers/omniglot`, from where `test`
re-evaluates them, and `train --continue` goes on with them for so many minutes more; `--from` goes
on with those of another row, whose network must be the same. `--with-validation` trains on the 172
characters of validation, too, as Snell et al. do once iterations are chosen. `test --on train` asks
for classes of training: how far they are known better than new ones tells overfitting from too few
steps; `test --n-query` for other numbers of query images than the paper's, `test --like` for the
episodes of another row, of the row's own test characters; `test --on lake` for Lake's twenty runs
(`lake_drawers`, `lake_characters`: with his drawers, his characters too, drawn at random). `write`
puts what is there into `docs/paper-tables.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from drivemeta.errors import InputError, suggest
from drivemeta.files import write_text
from drivemeta.training.allocator import keep_freed_memory
from drivemeta.training.meta.accuracy import Accuracy
from drivemeta.training.meta.omniglot_training import (
    MetaTraining,
    accuracies_of_weights,
    evaluate_weights,
    metatrain,
)
from tools.papers.continued import after, before_of, config_of
from tools.papers.kept import keep, kept_of, store, weights_of
from tools.papers.lake import N_TRIALS, LakeTrials
from tools.papers.page import page
from tools.papers.rows import ROWS, Row
from tools.provenance import ROOT

PAGE = ROOT / "docs" / "paper-tables.md"
N_TIMED = 20
# Classes that `test` asks for: where a configuration names them.
PARTS = {"train": 0, "test": 2}
KNOWN = {row.key: row for row in ROWS}


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=["list", "train", "test", "speed", "write"])
    parser.add_argument("keys", nargs="*", help="rows; all by default")
    parser.add_argument(
        "--omniglot", type=Path, default=Path("../shared/data/omniglot/omniglot28.npz")
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/omniglot"))
    parser.add_argument("--minutes", type=float, help="most that a row is trained")
    parser.add_argument(
        "--with-validation", action="store_true", help="train on its characters, too"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="the figure that `test` finds")
    parser.add_argument(
        "--on", choices=[*PARTS, *N_TRIALS], default="test", help="classes that `test` asks for"
    )
    parser.add_argument("--n-query", type=int, help="query images a class that `test` asks for")
    parser.add_argument("--like", metavar="KEY", help="the row whose episodes `test` asks for")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--resume", action="store_true", help="from the last checkpoint in --runs")
    how.add_argument("--continue", action="store_true", help="from the kept weights")
    how.add_argument("--from", metavar="KEY", help="from the kept weights of another row")
    arguments = parser.parse_args()
    other = getattr(arguments, "from")
    for key in {*arguments.keys, *filter(None, (other, arguments.like))} - KNOWN.keys():
        raise InputError(f"no row {key}; {suggest(key, KNOWN)}")
    rows = [KNOWN[key] for key in arguments.keys] if arguments.keys else list(ROWS)
    for row in rows:
        if other and KNOWN[other].network != row.network:
            raise InputError(f"{row.key} cannot begin from {other}: its network is another")
    if arguments.command == "list":
        print("\n".join(row.key for row in rows))
    elif arguments.command == "write":
        write_text(PAGE, page({row.key: kept_of(row.key) for row in ROWS}))
    else:
        keep_freed_memory()
        actions = {"train": train, "test": test, "speed": speed}
        for row in rows:
            actions[arguments.command](row, arguments)


def train(row: Row, arguments: argparse.Namespace) -> None:
    """Train a row, keep its weights and what came of it."""
    out = arguments.runs / row.key
    before = before_of(row, out, arguments)
    config = config_of(row, out, before, arguments)

    def report(line: str) -> None:
        print(f"{row.key}: {line}", file=sys.stderr, flush=True)

    result = metatrain(row.learner, config, resume=arguments.resume, report=report)
    keep(result.weights, weights_of(row))
    kept = {**asdict(result), "weights": weights_of(row).name, "seed": arguments.seed}
    kept["curve"] = json.loads((out / "curve.json").read_text(encoding="utf-8"))
    store(row, kept if before is None else after(before, kept))


def test(row: Row, arguments: argparse.Namespace) -> None:
    """Test the kept weights of a row again; with `--keep` its figure is kept."""
    kept = kept_of(row.key)
    if kept is None:
        print(f"{row.key}: nothing kept")
        return
    if arguments.on in N_TRIALS:
        found = on_lake(row, kept["seed"], arguments)
    else:
        config = asked(row, kept["seed"], arguments)
        torch.set_num_threads(config.threads)
        found = asdict(evaluate_weights(row.learner, config, weights_of(row)))
    was = kept["accuracy"]["mean"]
    mean, interval = 100 * found["mean"], 100 * found["interval"]
    print(f"{row.key}: {mean:.2f} +- {interval:.2f} on {arguments.on}, was {100 * was:.2f} on test")
    if arguments.keep:
        store(row, kept | {figure_of(arguments): found})


def on_lake(row: Row, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the accuracy of kept weights on Lake's runs; of those as they are that of each, too.

    Raises:
        InputError: other episodes are asked for at once.
    """
    if arguments.n_query or arguments.like:
        raise InputError(f"--on {arguments.on} has episodes of its own: no --n-query, no --like")
    config = row.config(arguments.omniglot, arguments.runs / row.key, seed)
    config = config.model_copy(update={"n_test": N_TRIALS[arguments.on]})
    torch.set_num_threads(config.threads)
    trials = LakeTrials(arguments.omniglot, arguments.on)
    found = accuracies_of_weights(row.learner, config, weights_of(row), trials)
    each = {"runs": [round(share, 4) for share in found.tolist()]} if arguments.on == "lake" else {}
    return asdict(Accuracy.of(found)) | each


def asked(row: Row, seed: int, arguments: argparse.Namespace) -> MetaTraining:
    """Return the configuration of what `test` asks of a row."""
    where = arguments.omniglot, arguments.runs / row.key, seed
    config = row.config(*where)
    episodes = KNOWN[arguments.like].config(*where) if arguments.like else config
    changed = {
        "splits": (*config.splits[:2], config.splits[PARTS[arguments.on]]),
        "rotations": episodes.rotations,
        "test": episodes.test,
    }
    if arguments.n_query:
        changed["test"] = episodes.test.model_copy(update={"n_query": arguments.n_query})
    return config.model_copy(update=changed)


def figure_of(arguments: argparse.Namespace) -> str:
    """Return what the figure of what `test` asks is kept as."""
    on = "" if arguments.on == "test" else f"_on_{arguments.on}"
    of = f"_of_{arguments.n_query}" if arguments.n_query else ""
    like = f"_like_{arguments.like}" if arguments.like else ""
    return f"accuracy{on}{of}{like}"


def speed(row: Row, arguments: argparse.Namespace) -> None:
    """Time some iterations of a row after as many that compile it; say how long all would take."""
    few = {"iterations": 2 * N_TIMED, "validate_every": N_TIMED, "n_validation": 2, "n_test": 2}
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        config = row.config(arguments.omniglot, Path(folder), arguments.seed)
        config = config.model_copy(update=few)
        metatrain(
            row.learner, config, resume=False, report=lambda _: times.append(time.perf_counter())
        )
    each = (times[1] - times[0]) / N_TIMED
    print(
        f"{row.key}: {1 / each:.2f} iterations a second, "
        f"{row.iterations * each / 60:.0f} minutes for {row.iterations}",
        flush=True,
    )


if __name__ == "__main__":
    main()
