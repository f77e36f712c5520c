"""How precisely the named rows of things name boxes of BDD's validation scenes.

    python -m tools.base.thing_precision

Every annotated box of at least 20 pixels, cut without error, is named by the class whose rows have
the greatest share of a softmax over its bank, as the score rule does: precision and recall of each
class at the frequencies of roads.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from drivemeta.markdown import table
from drivemeta.models.things import load_things
from drivemeta.paths import THING_BANKS, THING_WEIGHTS
from drivemeta.training.base.thing_crops import SCENE_KINDS, scene_things
from tools.base.things import BANKS, embed
from tools.provenance import command, machine

LEAST_SIDE = 20.0
SCALE = 20.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    things = scene_things(arguments.scenes / "bdd", SCENE_KINDS["bdd"], LEAST_SIDE, "val")
    embeddings = embed(load_things(THING_WEIGHTS), things)
    truth = np.array([thing.name for thing in things])
    rows = []
    for bank, (_, kinds) in BANKS.items():
        weights, names = rows_of(THING_BANKS / f"{bank}.safetensors")
        mine = np.isin(truth, list(kinds))
        shares = np.exp(SCALE * (embeddings[mine] @ weights.T))
        by_kind = np.stack([shares[:, names == kind].sum(1) for kind in kinds], 1)
        named = np.array(list(kinds))[by_kind.argmax(1)]
        for kind in kinds:
            hits = int(((named == kind) & (truth[mine] == kind)).sum())
            n_named, n_true = int((named == kind).sum()), int((truth[mine] == kind).sum())
            rates = (hits / max(n_named, 1), hits / max(n_true, 1))
            rows.append([bank, kind, str(n_true), str(n_named), *(f"{rate:.2f}" for rate in rates)])
    print(f"{command()}; {machine()}")
    print("\n".join(table(["bank", "class", "boxes", "named so", "precision", "recall"], rows)))


def rows_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the (n, 128) rows of a bank and the name of each."""
    with safe_open(path, framework="np") as file:
        header = json.loads((file.metadata() or {})["drivemeta_bank"])
        weights = np.asarray(file.get_tensor("weights"), np.float32)
    return weights, np.array(header["names"])


if __name__ == "__main__":
    main()
