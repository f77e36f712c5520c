"""What things cost: a crop of them on one thread, and a frame whose vehicles have rows.

    python -m tools.speed.things
    python -m tools.speed.things --frames 20 --threads 2

The best of many runs, in turns, so that other work of the machine falls on all alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from drivemeta.banks.named import load_bank, with_named
from drivemeta.core.score_rule import N_THING_CROPS
from drivemeta.export.exporter import export_detector
from drivemeta.export.probe_scene import draw_scene
from drivemeta.markdown import table
from drivemeta.models.backbone import EfficientNetLite0
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.store import load_base
from drivemeta.models.things import ThingEmbedding
from drivemeta.models.traced.frozen import Trunk
from drivemeta.models.traced.networks import trunk_graph
from drivemeta.models.traced.session import session_of
from drivemeta.runtime.providers import SessionOptions
from drivemeta.runtime.session import Session
from tools.provenance import command, machine

SIZES = (96, 112, 128)
BATCHES = (8, 16)
INPUT_SIZES = ((576, 1024), (384, 640))
FRAME_SIZE = (720, 1280)


def main() -> None:
    """Measure and print a table in milliseconds, of crops or of whole frames."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument(
        "--frames", type=int, default=0, help="runs of whole frames, in place of crops"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of whole frames")
    arguments = parser.parse_args()
    print(f"{command()}; {machine()}")
    if arguments.frames:
        _print_frames(arguments.frames, arguments.threads)
    else:
        _print_crops(arguments.runs)


def best_of(runs: int, kinds: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least milliseconds that each kind of work took, done in turns.

    Args:
        runs: Number of turns.
        kinds: Work by name; it is done once before the first turn.
    """
    for work in kinds.values():
        work()
    best = dict.fromkeys(kinds, np.inf)
    for _ in range(runs):
        for name, work in kinds.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], 1000 * (time.perf_counter() - started))
    return best


def _print_crops(runs: int) -> None:
    kinds: dict[str, tuple[tuple[int, ...], int]] = {f"level 2, {CROP_SIZE} px": ((10,), CROP_SIZE)}
    for size in SIZES:
        kinds[f"things, {size} px"] = (ThingEmbedding.taps, size)
    each = {n: {name: _crops(*kind, n) for name, kind in kinds.items()} for n in BATCHES}
    best = {n: best_of(runs, works) for n, works in each.items()}
    first = next(iter(kinds))
    rows = [
        [
            name,
            *(f"{best[n][name] / n:.2f}" for n in BATCHES),
            f"{np.mean([best[n][name] / best[n][first] for n in BATCHES]):.1f}",
        ]
        for name in kinds
    ]
    print("\n".join(table(["crop", *(f"ms, {n} at once" for n in BATCHES), "times"], rows)))


def _crops(taps: tuple[int, ...], size: int, n: int) -> Callable[[], object]:
    trunk = Trunk(EfficientNetLite0(taps).eval(), max(taps) + 1)
    names = [f"map_{i}" for i in range(trunk.n_outputs)]
    session = session_of(trunk_graph(trunk, (size, size), names), 1)
    crops = np.full((n, 3, size, size), 0.5, np.float32)
    return lambda: session.run(None, {"x": crops})


def _print_frames(runs: int, threads: int) -> None:
    base, rows = load_base(), []
    banks = {"base": base.bank, "vehicles": with_named(base.bank, load_bank("vehicles"))}
    frame = draw_scene(FRAME_SIZE, 0)[None]
    for size in INPUT_SIZES:
        works = {}
        for name, bank in banks.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.onnx"
                export_detector(base.with_(bank=bank), path, input_size=size)
                session = Session(path.read_bytes(), SessionOptions("cpu", threads=threads))
            works[name] = lambda session=session: session.run(frame, {})
        best = best_of(runs, works)
        times = best["vehicles"] / best["base"]
        rows.append([f"{size[0]}x{size[1]}", *(f"{best[n]:.1f}" for n in works), f"{times:.2f}"])
    header = ["input size", "base, ms", f"with rows for vehicles ({N_THING_CROPS} crops), ms"]
    print("\n".join(table([*header, "times"], rows)))


if __name__ == "__main__":
    main()
