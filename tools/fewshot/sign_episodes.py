"""All learners on episodes of real signs that are new by meaning, from a country never met.

    drivemeta train embedding configs/train_level2_without_test_signs.yaml
    python -m tools.fewshot.sign_episodes train
    python -m tools.fewshot.sign_episodes test
    python -m tools.fewshot.sign_episodes write

`train` meta-trains each learner over that embedding (configs/metatrain_signs_compared.yaml), `test`
asks all of them the same 600 episodes of each kind, `write` puts the tables into docs/learners.md.
Support and query of an episode never come from one group of the manifest.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from drivemeta.adaptation.learner_weights import FeatureTasks
from drivemeta.config import load_config
from drivemeta.errors import InputError
from drivemeta.files import write_text
from drivemeta.markdown import table
from drivemeta.models.digest import weights_digest
from drivemeta.models.learner_store import WEIGHTS, read_if_of
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.features import Level2Features
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.protocol import meta_learner
from drivemeta.plugins.registry import default_registry
from drivemeta.training.meta.accuracy import evaluate
from drivemeta.training.meta.omniglot import Shape
from drivemeta.training.meta.omniglot_training import TEST_SEED
from drivemeta.training.meta.sign_split import NEVER_MET, meanings_in
from drivemeta.training.meta.sign_tasks import SignTasks, load_sign_pool
from drivemeta.training.meta.sign_training import (
    SignTraining,
    level2_of,
    metatrain_signs,
    read_pool,
)
from tools.provenance import ROOT

SHAPES = ((5, 1), (5, 5), (20, 1), (20, 5))
N_QUERY = 10
RESULTS = ROOT / "docs" / "learners.json"
PAGE = ROOT / "docs" / "learners.md"
BEGIN, END = "<!-- table: python -m tools.fewshot.sign_episodes write -->", "<!-- end of table -->"

# What is tested: key, learner, its parameters, whether it starts from meta-trained weights.
ROWS: tuple[tuple[str, str, dict[str, Any], bool], ...] = (
    ("protonet", "protonet", {"distance": "cosine"}, False),
    ("protonet, meta-trained layer", "protonet", {"distance": "cosine"}, True),
    ("matching", "matching", {"scale": 15.0}, False),
    ("matching, full context", "matching", {}, True),
    ("siamese, L2", "siamese", {"distance": "l2"}, False),
    ("siamese", "siamese", {}, True),
    ("maml", "maml", {}, True),
    ("reptile", "reptile", {}, True),
    ("anil", "anil", {}, True),
    ("metasgd", "metasgd", {}, True),
    ("maml, not meta-trained", "maml", {}, False),
)


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=["train", "test", "write"])
    parser.add_argument("learners", nargs="*", help="to train or test; all by default")
    parser.add_argument("--config", type=Path, default=Path("metatrain_signs_compared.yaml"))
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "write":
        write_page()
        return
    config = load_config(arguments.config, SignTraining)
    {"train": train, "test": test}[arguments.command](config, arguments)


def train(config: SignTraining, arguments: argparse.Namespace) -> None:
    """Meta-train learners one after another on one reading of the crops."""
    torch.set_num_threads(config.threads)
    pool = read_pool(config, level2_of(config))
    for name in arguments.learners or config.learners:

        def report(line: str, name: str = name) -> None:
            print(f"{name}: {line}", file=sys.stderr, flush=True)

        found = metatrain_signs(name, config, resume=arguments.resume, report=report, pool=pool)
        report(f"best {100 * found.validation:.2f} at {found.iterations}, was {found.start:.4f}")


def test(config: SignTraining, arguments: argparse.Namespace) -> None:
    """Ask learners the same episodes; the results of others are kept."""
    torch.set_num_threads(config.threads)
    level2 = level2_of(config)
    features = Level2Features(level2)
    pool = load_sign_pool(config.signs, [NEVER_MET], features).part(meanings_in("test"))
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for key, name, params, trained in ROWS:
        if arguments.learners and name not in arguments.learners:
            continue
        given = {**config.learners[name].params, **params} if trained or not params else params
        learner = meta_learner(default_registry().create("learner", name, **given), name)
        model = learner.prepare(LastLayer.of(level2.project), FeatureTasks(features.n_features))
        if trained:
            load(model, name, config, level2)
        line = {}
        for n_way, n_shot in SHAPES:
            tasks = SignTasks(pool, Shape(n_way, n_shot, N_QUERY), TEST_SEED + config.seed)
            started = time.perf_counter()
            found = evaluate(model, learner.logits, tasks, arguments.episodes)
            each = (time.perf_counter() - started) / arguments.episodes
            line[f"{n_way}-way {n_shot}-shot"] = [found.mean, found.interval, each]
        results[key] = {"params": given, "episodes": arguments.episodes, "accuracy": line}
        print(
            key, {k: f"{100 * v[0]:.2f} +- {100 * v[1]:.2f}" for k, v in line.items()}, flush=True
        )
        write_text(RESULTS, json.dumps(results, indent=1) + "\n")


def load(model: nn.Module, name: str, config: SignTraining, level2: Level2) -> None:
    """Load what `train` wrote."""
    path = config.out / name / WEIGHTS
    weights = read_if_of(path, weights_digest(level2))
    if weights is None:
        raise InputError(f"no weights for this level 2 in {path}; run `train` first")
    model.load_state_dict(weights)


def write_page() -> None:
    """Put the table into the page, between its marks."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    kinds = [f"{n_way}-way {n_shot}-shot" for n_way, n_shot in SHAPES]
    rows = []
    for key, *_ in ROWS:
        if key in results:
            found = results[key]["accuracy"]
            cells = [f"{100 * found[k][0]:.1f} ± {100 * found[k][1]:.1f}" for k in kinds]
            each = 1000 * sum(found[k][2] for k in kinds) / len(kinds)
            rows.append([key, *cells, f"{each:.0f}"])
    lines = table(["learner", *kinds, "ms"], rows)
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(PAGE, before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)


if __name__ == "__main__":
    main()
