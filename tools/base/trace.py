"""Trace the networks of the shipped base, so that it becomes a model where there is no torch.

    python -m tools.base.trace

Writes `drivemeta/weights/networks.safetensors`: the graphs without their weights. Run it again
whenever the weights of the base or its networks change; until then, the base needs torch again.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

import torch

from drivemeta.export.precision.shipped_ranges import level1_key
from drivemeta.export.shipped_parts import keep_networks
from drivemeta.models.detector import fitted_to
from drivemeta.models.store import load_base
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.networks import level1_graph, level2_graph, things_graph
from drivemeta.paths import TRACED_NETWORKS
from tools.base.int8_ranges import INPUT_SIZES


def main() -> None:
    """Trace and write."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    base = load_base()
    assert base.things is not None  # the base has all three
    graphs = {"level2": level2_graph(base.level2), "things": things_graph(base.things)}
    n_locations = {}
    for size in INPUT_SIZES:
        name, sized = level1_key(*size), FixedNetworks(fitted_to(base, size))
        graphs[name] = level1_graph(base.level1, size)
        n_locations[name] = len(sized.dense(torch.zeros(1, 3, *size)).quality)
    facts = {
        "weights": base.digest(),
        "scoring": asdict(base.scoring),
        "input_size": base.input_size,
        "n_locations": n_locations,
    }
    keep_networks(graphs, facts)
    print(f"{TRACED_NETWORKS}: {TRACED_NETWORKS.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
