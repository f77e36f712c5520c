r"""Kinds of road users, each learnt from a few boxes of BDD and found on its validation scenes.

    python -m tools.fewshot.roads --seeds 10
    python -m tools.fewshot.roads --methods "drivemeta adapt" --shots 5 --seeds 3 \
        --things runs/things_held/things.safetensors --store runs/things_held/replay.safetensors \
        --no-shipped-kinds
    python -m tools.fewshot.roads --page

Prints a line a draw and method: AP50 of the kind, in how many frames without one it raises a false
alarm at its threshold, and the verdict of `adapt`. What was measured is kept, and read where it is
asked for again; figures go to roads.json, and with `--page` into docs/things.md. With
`--no-shipped-kinds` nothing of the five kinds is among the things that ship, as for a kind that is
new: give weights that never met them, and the store of things as they embed them, which
`python -m tools.base.things --store FILE` makes. `--check 3` holds three scenes against the file
that `drivemeta adapt` writes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from drivemeta.adaptation import parent_choice, thing_columns
from drivemeta.adaptation.report import likeness
from drivemeta.banks.replay import ThingReplay, load_replay
from drivemeta.files import write_text
from drivemeta.paths import THING_REPLAY
from tools.fewshot.peers.interface import BankFinder
from tools.fewshot.road_check import agreement
from tools.fewshot.road_methods import CEILING, OURS, Learnt, RoadDraw, methods
from tools.fewshot.road_page import write_page
from tools.fewshot.road_scenes import PARENTS, RoadScenes, outcome_of
from tools.fewshot.road_trials import RoadStore, RoadTrial, cell
from tools.provenance import machine

RESULTS = Path(__file__).with_name("roads.json")
KNOWN_ALSO_AS = ("cyclist",)  # riders with their machines, in the store of things
ALONE = RoadDraw("base", 0, 0)
METHODS = tuple(methods)


def main() -> None:
    """Measure, or write the page."""
    arguments = _arguments()
    if arguments.page:
        write_page(json.loads(RESULTS.read_text(encoding="utf-8")))
        return
    torch.set_num_threads(1)
    store = load_replay(arguments.store or THING_REPLAY)
    if arguments.no_shipped_kinds:
        store = store.without((*PARENTS, *KNOWN_ALSO_AS))
    roads = RoadScenes(arguments.scenes, arguments.things, arguments.cache)
    with _learnt_against(store):
        if arguments.check:
            draw = RoadDraw("bus", 5, 0)
            finder = methods[OURS]()(roads, draw).finder
            assert isinstance(finder, BankFinder)
            print(agreement(roads, finder, arguments.check))
            return
        trials = RoadStore(roads.embedded / f"trials-{len(store.embeddings)}")
        for line in _measured(roads, trials, arguments):
            print(line, flush=True)
    part = "new" if arguments.no_shipped_kinds else "shipped"
    _write_figures(part, trials, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--kinds", nargs="+", choices=list(PARENTS), default=list(PARENTS))
    add("--methods", nargs="+", choices=METHODS, default=METHODS)
    add("--shots", type=int, nargs="+", default=[1, 3, 5, 10])
    add("--seeds", type=int, default=2)
    add("--things", type=Path, help="weights of the embedding of things; those that ship if absent")
    add("--store", type=Path, help="things as these weights embed them; those that ship if absent")
    add(
        "--no-shipped-kinds",
        action="store_true",
        help="leave the kinds out of the things that ship",
    )
    add("--cache", type=Path, default=Path("runs/fewshot"), help="folder, some 20 GB")
    add("--check", type=int, default=0, help="hold so many scenes against the exported file")
    add("--page", action="store_true", help="write the table into docs/things.md")
    arguments = parser.parse_args()
    if bool(arguments.things) != bool(arguments.store):
        parser.error("--things and --store go together: a store is of one embedding")
    return arguments


@contextmanager
def _learnt_against(store: ThingReplay) -> Iterator[None]:
    """Let adaptation hold new kinds against a store for as long as the context lasts."""
    with ExitStack() as stack:
        for module in (parent_choice, thing_columns, likeness):
            stack.enter_context(patch.object(module, "load_replay", lambda: store))
        yield


def _measured(roads: RoadScenes, trials: RoadStore, arguments: argparse.Namespace) -> Iterator[str]:
    """Make the trials that are missing, seed by seed; yield a line a trial."""
    if trials.read("base", ALONE) is None:
        _keep(roads, trials, "base", {ALONE: Learnt(BankFinder(roads.fast.bank))})
    made = {name: methods[name]() for name in arguments.methods}
    for seed in range(arguments.seeds):
        for name, method in made.items():
            missing = {}
            for draw in _draws(name, seed, arguments):
                if trials.read(name, draw) is None:
                    missing[draw] = method(roads, _told(trials, draw) if name != OURS else draw)
            if missing:
                _keep(roads, trials, name, missing)
            for draw in _draws(name, seed, arguments):
                trial = trials.read(name, draw)
                assert trial is not None
                yield f"{name}: {_line(draw, trial)}"


def _draws(name: str, seed: int, arguments: argparse.Namespace) -> list[RoadDraw]:
    if name == CEILING:  # has all boxes, whatever the seed
        return [RoadDraw(kind, 0, 0) for kind in arguments.kinds] if seed == 0 else []
    return [RoadDraw(kind, n, seed) for kind in arguments.kinds for n in arguments.shots]


def _told(trials: RoadStore, draw: RoadDraw) -> RoadDraw:
    """Return a draw with the super-class that `drivemeta adapt` chose for it."""
    ours = trials.read(OURS, draw)
    if draw.shots and ours is None:
        raise SystemExit(f"{draw}: expected it to be measured by {OURS!r} before")
    parent = str(ours.facts["parent"]) if ours is not None else ""
    return RoadDraw(draw.kind, draw.shots, draw.seed, parent)


def _keep(roads: RoadScenes, trials: RoadStore, name: str, learnt: dict[RoadDraw, Learnt]) -> None:
    """Look at each scene once by all that was learnt; keep what comes of it."""
    found: dict[RoadDraw, list[Any]] = {draw: [] for draw in learnt}
    for index in range(len(roads.val)):
        for draw, one in learnt.items():
            found[draw].append(one.finder.detect(roads.scenes, index))
    for draw, one in learnt.items():
        outcome = outcome_of(roads, one.finder, found[draw], draw.kind, one.threshold)
        alarmed = None if np.isnan(outcome.alarmed) else outcome.alarmed
        trials.write(name, draw, RoadTrial(draw.seed, outcome.matches, alarmed, one.facts))


def _line(draw: RoadDraw, trial: RoadTrial) -> str:
    figures = [f"{name} {100 * m.average_precision():.1f}" for name, m in trial.matches.items()]
    if trial.alarmed is not None:
        figures.append(f"false alarm in {100 * trial.alarmed:.0f} % of frames")
    facts = [str(value) for value in trial.facts.values()]
    return f"{draw.kind}, {draw.shots} shots, seed {draw.seed}: {', '.join([*figures, *facts])}"


def _write_figures(part: str, trials: RoadStore, arguments: argparse.Namespace) -> None:
    """Put the figures of what was asked for beside those that are there."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    alone = trials.read("base", ALONE)
    assert alone is not None
    mine = results.setdefault(part, {})
    for name in arguments.methods:
        rows = mine.setdefault(name, {})
        for kind in arguments.kinds:
            for shots in arguments.shots if name != CEILING else [0]:
                if known := _known(trials, name, kind, shots):
                    rows.setdefault(kind, {})[str(shots)] = cell(kind, known, alone)
    mine["base"] = {name: 100 * m.average_precision() for name, m in alone.matches.items()}
    mine["machine"] = machine()
    write_text(RESULTS, json.dumps(results, indent=1) + "\n")


def _known(trials: RoadStore, name: str, kind: str, shots: int) -> Sequence[RoadTrial]:
    """Return the trials there are of seeds 0, 1 and so on."""
    found: list[RoadTrial] = []
    while trial := trials.read(name, RoadDraw(kind, shots, len(found))):
        found.append(trial)
    return found


if __name__ == "__main__":
    main()
