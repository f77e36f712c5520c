"""The papers' own protocols on Omniglot, one row at a time.

    python tools/paper_tables.py list
    python tools/paper_tables.py train protonet_5w1s [--minutes 20] [--resume | --continue]
    python tools/paper_tables.py train matching_5w1s --from protonet_5w1s
    python tools/paper_tables.py test [protonet_5w1s ...]
    python tools/paper_tables.py speed [maml_5w1s ...]
    python tools/paper_tables.py write

`train` keeps the small weights and what came of them in `tools/omniglot`, from where `test`
re-evaluates them, and `train --continue` goes on with them for so many minutes more; `--from` goes
on with those of another row, whose network must be the same. `write` puts what is there into
`docs/paper-tables.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from bandit_table import section as bandit_section
from navigation_table import section as navigation_section
from paper_rows import ROWS, Row
from safetensors.torch import load_file, save_file

from drivemeta.errors import InputError, suggest
from drivemeta.files import atomic_path, write_text
from drivemeta.learn.memory import keep_freed_memory
from drivemeta.learn.metatrain import MetaTraining, evaluate_weights, metatrain
from drivemeta.learn.metatrain_run import Accuracy

KEPT = Path(__file__).parent / "omniglot"
PAGE = Path(__file__).parents[1] / "docs" / "paper-tables.md"
HEADER = """# The papers' own tables

Omniglot, 28 x 28, rotations by 90 degrees as further classes, the split into 1,028, 172 and 423
characters; `siamese` by Koch's protocol: trained on the background alphabets, 20-way one-shot
within an alphabet of the evaluation set. 600 test episodes; mean accuracy and half the width of
its 95 % interval in per cent. Iterations are those of the best validation. *Transductive*: the
queries of an episode are normalised together, as in the MAML paper; *inductive*: each alone.

```sh
python tools/paper_tables.py train KEY    # then: test, write
```

| key | learner | episodes | batch norm | paper | ours | short by | iterations | minutes | seed |
|---|---|---|---|---|---|---|---|---|---|
"""
FOOTER = """
A hyphen stands where nothing was trained yet. What the figures of the papers are, and how each row
is trained, stands in `tools/paper_rows.py`. The rows of `maml` other than `maml_5w5s`, of `anil`,
`metasgd` and `siamese`, and `matching_5w5s` were trained by settings before those: without an
annealed rate, with five queries a class, `anil` and `metasgd` inductively, `siamese` on balanced
pairs. `reptile_5w1s` is tested with the weights of `reptile_5w5s`, to save a training; the authors
train it by settings of its own. In both, a query is normalised together with the support. Minutes
are of one shared core. *Short by* is in points; a row that is short was trained for minutes where
the papers train for tens of thousands of iterations. Test characters are harder than those of
validation: `matching_5w1s` gained nothing on them from 14 further minutes. `train KEY --minutes N
--continue` trains a row on from its kept weights. A row *begun from* another had the weights of
that row's embedding before its own training; iterations and minutes are those of both.

## Validation while training

Accuracy in per cent at that iteration, on validation classes.

"""
N_POINTS = 6


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="the figure that `test` finds")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--resume", action="store_true", help="from the last checkpoint in --runs")
    how.add_argument("--continue", action="store_true", help="from the kept weights")
    how.add_argument("--from", metavar="KEY", help="from the kept weights of another row")
    arguments = parser.parse_args()
    known = {row.key: row for row in ROWS}
    others = {key} if (key := getattr(arguments, "from")) else set()
    for key in {*arguments.keys, *others} - known.keys():
        raise InputError(f"no row {key}; {suggest(key, known)}")
    rows = [known[key] for key in arguments.keys] if arguments.keys else list(ROWS)
    if arguments.command == "list":
        print("\n".join(row.key for row in rows))
    elif arguments.command == "write":
        write_text(PAGE, page())
    else:
        keep_freed_memory()
        actions = {"train": train, "test": test, "speed": speed}
        for row in rows:
            actions[arguments.command](row, arguments)


def train(row: Row, arguments: argparse.Namespace) -> None:
    """Train a row, or test it if another row has its weights, and keep the result."""
    store(row, borrowed(row, arguments) if row.trained_as else trained(row, arguments))


def trained(row: Row, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train a row, keep its weights, and return what came of it."""
    out = arguments.runs / row.key
    config = row.config(arguments.omniglot, out, arguments.seed)
    config = config.model_copy(update={"minutes": arguments.minutes})
    before = before_of(row, out, arguments)
    if before is not None:
        weights = KEPT / before["weights"]
        started = {"start_from": weights, "start_iteration": before["iterations"]}
        config = config.model_copy(update=started)

    def report(line: str) -> None:
        print(f"{row.key}: {line}", file=sys.stderr, flush=True)

    result = metatrain(row.learner, config, resume=arguments.resume, report=report)
    KEPT.mkdir(exist_ok=True)
    keep(result.weights, weights_of(row))
    kept = {**asdict(result), "weights": weights_of(row).name, "seed": arguments.seed}
    kept["curve"] = json.loads((out / "curve.json").read_text(encoding="utf-8"))
    if before is not None:
        kept["minutes"] += before["minutes"]
        kept["begun_from"] = before["begun_from"]
        kept["curve"] = [p for p in before["curve"] if p[0] < before["iterations"]] + kept["curve"]
    return kept


def borrowed(row: Row, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what comes of a row with the kept weights of the row that it is trained as."""
    kept = kept_of(row.trained_as)
    if kept is None:
        raise InputError(f"{row.key} is tested with the weights of {row.trained_as}: train that")
    config = row.config(arguments.omniglot, arguments.runs / row.key, kept["seed"])
    return kept | {"accuracy": asdict(tested(row, config)), "curve": []}


def tested(row: Row, config: MetaTraining) -> Accuracy:
    """Return the accuracy of a row's kept weights."""
    torch.set_num_threads(config.threads)
    return evaluate_weights(row.learner, config, weights_of(row))


def before_of(row: Row, out: Path, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Return what a run goes on from, None if it begins anew; noted in its folder for a resume."""
    note = out / "before.json"
    if arguments.resume:
        return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    other = getattr(arguments, "from")
    before = kept_of(other or row.key) if other or getattr(arguments, "continue") else None
    if other and before is None:
        raise InputError(f"{row.key} cannot begin from {other}: nothing of it is kept")
    if before is not None:  # validation of another learner is no part of this one's curve
        begun = {"begun_from": other, "curve": []} if other else {}
        before = {"begun_from": ""} | before | begun
    note.unlink(missing_ok=True)
    if before is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps(before))
    return before


def keep(weights: Path, path: Path) -> None:
    """Store weights in half precision, which changes no figure by more than its last digit."""
    halves = {k: v.half() if v.is_floating_point() else v for k, v in load_file(weights).items()}
    with atomic_path(path) as partial:
        save_file(halves, partial)


def test(row: Row, arguments: argparse.Namespace) -> None:
    """Test the kept weights of a row again; with `--keep` its figure takes the old one's place."""
    kept = kept_of(row.key)
    if kept is None:
        print(f"{row.key}: nothing kept")
        return
    config = row.config(arguments.omniglot, arguments.runs / row.key, kept["seed"])
    params = row.params | {"transductive": kept["transductive"]}  # as the kept figure was measured
    config = config.model_copy(update={"params": params})
    found = tested(row, config)
    was = kept["accuracy"]["mean"]
    print(f"{row.key}: {100 * found.mean:.2f} +- {100 * found.interval:.2f}, was {100 * was:.2f}")
    if arguments.keep:
        store(row, kept | {"accuracy": asdict(found)})


def speed(row: Row, arguments: argparse.Namespace) -> None:
    """Time five iterations of a row, and say how long all of them would take."""
    few = {"iterations": 5, "n_validation": 2, "n_test": 2}
    with tempfile.TemporaryDirectory() as folder:
        config = row.config(arguments.omniglot, Path(folder), arguments.seed)
        result = metatrain(
            row.learner, config.model_copy(update=few), resume=False, report=lambda _: None
        )
    each = 60 * result.minutes / 5
    print(
        f"{row.key}: {1 / each:.2f} iterations a second, "
        f"{row.iterations * each / 60:.0f} minutes for {row.iterations}",
        flush=True,
    )


def weights_of(row: Row) -> Path:
    """Return the file of a row's kept weights."""
    return KEPT / f"{row.trained_as or row.key}.safetensors"


def store(row: Row, kept: dict[str, Any]) -> None:
    """Keep what came of a row."""
    write_text(KEPT / f"{row.key}.json", json.dumps(kept, indent=1))


def kept_of(key: str) -> dict[str, Any] | None:
    """Return what came of a row, None if it was not trained yet."""
    path = KEPT / f"{key}.json"
    if not path.is_file():
        return None
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def page() -> str:
    """Return the page of the tables, with a line for each row."""
    curves = [f"- `{row.key}`: {curve}" for row in ROWS if (curve := _curve(row))]
    return (
        HEADER
        + "\n".join(map(_line, ROWS))
        + "\n"
        + FOOTER
        + "\n".join(curves)
        + "\n"
        + bandit_section()
        + navigation_section()
    )


def _curve(row: Row) -> str:
    """Return a few points of a row's validation, evenly spread, with the best one."""
    kept = kept_of(row.key)
    if kept is None or not kept["curve"]:
        return ""
    curve: list[list[float]] = kept["curve"]
    step = max(1, len(curve) // N_POINTS)
    best = max(range(len(curve)), key=lambda i: curve[i][1])
    shown = sorted({*range(step - 1, len(curve), step), best, len(curve) - 1})
    points = (f"{int(curve[i][0])}: {100 * curve[i][1]:.1f}" for i in shown)
    return ", ".join(points) + f"; best {100 * curve[best][1]:.1f}"


def _line(row: Row) -> str:
    kept = kept_of(row.key)
    transductive = (kept or row.params).get("transductive", False)
    cells = [
        f"`{row.key}`",
        f"{row.learner}, {row.label}" if row.label else row.learner,
        f"{row.n_way}-way {row.n_shot}-shot",
        "transductive" if transductive else "inductive",
        f"{row.paper}" if row.paper is not None else "none",
    ]
    if kept is None:
        return "| " + " | ".join([*cells, *["-"] * 5]) + " |"
    found = kept["accuracy"]
    if begun := kept.get("begun_from"):
        cells[1] += f", begun from `{begun}`"
    cells += [
        f"{100 * found['mean']:.2f} ± {100 * found['interval']:.2f}",
        f"{max(0.0, row.paper - 100 * found['mean']):.2f}" if row.paper else "-",
        str(kept["iterations"]),
        f"{kept['minutes']:.1f}",
        str(kept["seed"]),
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
