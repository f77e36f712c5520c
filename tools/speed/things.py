"""What a crop costs in ONNX Runtime on one thread: level 2's, and a thing's at several sizes.

    python -m tools.speed.things

The best of many runs, in turns, so that other work of the machine falls on all alike.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from drivemeta.markdown import table
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.things import ThingEmbedding
from drivemeta.models.traced.frozen import Trunk
from drivemeta.models.traced.networks import trunk_graph
from drivemeta.models.traced.session import session_of
from tools.provenance import command, machine

SIZES = (96, 112, 128)
BATCHES = (8, 16)


def main() -> None:
    """Measure and print a table in milliseconds a crop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=40)
    arguments = parser.parse_args()
    kinds: dict[str, tuple[tuple[int, ...], int]] = {f"level 2, {CROP_SIZE} px": ((10,), CROP_SIZE)}
    for size in SIZES:
        kinds[f"things, {size} px"] = (ThingEmbedding.taps, size)
    sessions = {}
    for name, (taps, size) in kinds.items():
        trunk = Trunk(EfficientNetLite0(taps).eval(), max(taps) + 1)
        names = [f"map_{i}" for i in range(trunk.n_outputs)]
        sessions[name] = (session_of(trunk_graph(trunk, (size, size), names), 1), size)
    best: dict[tuple[str, int], float] = {}
    for _ in range(arguments.runs):
        for name, (session, size) in sessions.items():
            for n in BATCHES:
                crops = np.full((n, 3, size, size), 0.5, np.float32)
                started = time.perf_counter()
                session.run(None, {"x": crops})
                each = 1000 * (time.perf_counter() - started) / n
                best[name, n] = min(each, best.get((name, n), each))
    first = next(iter(sessions))
    rows = [
        [name, *(f"{best[name, n]:.2f}" for n in BATCHES), f"{_ratio(best, name, first):.1f}"]
        for name in sessions
    ]
    print(f"{command()}; {machine()}")
    print("\n".join(table(["crop", *(f"ms, {n} at once" for n in BATCHES), "times"], rows)))


def _ratio(best: dict[tuple[str, int], float], name: str, first: str) -> float:
    return float(np.mean([best[name, n] / best[first, n] for n in BATCHES]))


if __name__ == "__main__":
    main()
