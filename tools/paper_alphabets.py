"""How much of what a row of the papers' tables lacks is the split of the characters.

    python tools/paper_alphabets.py maml_first_order_5w1s --minutes 10    # then: paper_tables write

Finn et al. and Nichol et al. draw their training characters from all alphabets; those of Vinyals'
test are of alphabets that are in no training. Here 172 of the 423 test characters, drawn at random,
are trained on, too: a row goes on from its kept weights, and is tested on the other 251 before and
after. `tools/omniglot/alphabets.json` keeps both, in no weights.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from paper_alphabets_table import KEPT
from paper_rows import ROWS, Row
from paper_tables import kept_of, weights_of

from drivemeta.errors import InputError, suggest
from drivemeta.files import write_text
from drivemeta.learn.memory import keep_freed_memory
from drivemeta.learn.metatrain import MetaTraining, evaluate_weights, metatrain

N_SHARED = 172


def main() -> None:
    """Train a row on and keep what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("key", help="a row of the papers' tables")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument(
        "--omniglot", type=Path, default=Path("../shared/data/omniglot/omniglot28.npz")
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = {row.key: row for row in ROWS}
    if arguments.key not in rows:
        raise InputError(f"no row {arguments.key}; {suggest(arguments.key, rows)}")
    keep_freed_memory()
    found = measure(rows[arguments.key], arguments.omniglot, arguments.minutes, arguments.seed)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    write_text(KEPT, json.dumps(kept | {arguments.key: found}, indent=1) + "\n")
    print(json.dumps(found))


def measure(row: Row, omniglot: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Test a row's kept weights on characters of the test, before and after it has met others.

    Raises:
        InputError: nothing of the row is kept.
    """
    kept = kept_of(row.key)
    if kept is None:
        raise InputError(f"{row.key}: nothing is kept of it; train it first")
    with tempfile.TemporaryDirectory() as folder:
        shared = share_alphabets(omniglot, Path(folder) / "omniglot.npz", N_SHARED, seed)
        config = row.config(shared, Path(folder) / "run", seed)
        before = evaluate_weights(row.learner, config, weights_of(row))
        started: dict[str, Any] = {"start_from": weights_of(row), "minutes": minutes}
        started["start_iteration"] = kept["iterations"]
        config = MetaTraining.model_validate({**config.model_dump(), **started, "keep_last": True})
        after = metatrain(row.learner, config, resume=False, report=report)
    return {
        "before": asdict(before),
        "after": asdict(after.accuracy),
        "iterations": after.iterations - kept["iterations"],
        "minutes": after.minutes,
        "seed": seed,
    }


def share_alphabets(omniglot: Path, path: Path, n: int, seed: int) -> Path:
    """Write Omniglot with n of its test characters, drawn at random, in training."""
    with np.load(omniglot, allow_pickle=False) as stored:
        arrays = dict(stored)
    of_test = np.flatnonzero(arrays["vinyals"] == "test")
    chosen = np.random.default_rng(seed).choice(of_test, n, replace=False)
    arrays["vinyals"][chosen] = "train"
    np.savez_compressed(path, **arrays)
    return path


def report(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
