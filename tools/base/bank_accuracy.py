"""How often the shipped bank of signs names a crop rightly, in a country that level 2 never met.

    python -m tools.base.bank_accuracy [--signs ../shared/data/signs] [--countries vietnam]

Crops whose meaning the bank has, each named by its nearest row; background counts as wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from drivemeta.banks.named import load_bank
from drivemeta.models.store import load_base
from drivemeta.training.meta.sign_tasks import load_sign_pool


@torch.no_grad()
def main() -> None:
    """Print a table of countries."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--signs", type=Path, default=Path("../shared/data/signs"))
    parser.add_argument("--countries", nargs="+", default=["vietnam"])
    arguments = parser.parse_args()
    bank, level2 = load_bank("signs"), load_base().level2
    names = np.array(bank.names)
    print(
        "| country | crops | meanings | named rightly | mean of meanings |\n|---|---|---|---|---|"
    )
    for country in arguments.countries:
        pool = load_sign_pool(arguments.signs, [country], level2)
        pool = pool.part(set(bank.names) & set(pool.names))
        embeddings = pool.features[:, 0].float().numpy()  # (n, dim)
        found = names[(embeddings @ bank.weights.T).argmax(1)]
        right = found == np.array(pool.names)[pool.labels]
        of_each = [right[pool.labels == i].mean() for i in range(len(pool.names))]
        print(
            f"| {country} | {len(right)} | {len(pool.names)} | {100 * right.mean():.1f} % "
            f"| {100 * float(np.mean(of_each)):.1f} % |"
        )


if __name__ == "__main__":
    main()
