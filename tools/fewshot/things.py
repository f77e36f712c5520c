"""Few-shot accuracy of embeddings on crops of kinds of things that were held out of training.

    drivemeta train things configs/train_things_held.yaml
    python -m tools.fewshot.things crops --kinds runs/data/kinds --weights \
        runs/things_held/things.safetensors
    python -m tools.fewshot.things write

`crops` asks every embedding the same episodes and keeps the figures in things.json, `write` puts
the tables into docs/things.md. All things are brought to one size first, so that sharpness does
not tell sources apart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from drivemeta.files import write_text
from drivemeta.training.base.thing_crops import SCENE_KINDS, Thing, read_kinds, scene_things
from tools.fewshot.thing_episodes import Pool, accuracy
from tools.fewshot.thing_networks import (
    Embedder,
    groups_of,
    imagenet_average,
    imagenet_places,
    shipped_level2,
    thing_embedding,
)
from tools.fewshot.thing_page import write_page
from tools.fewshot.things_split import HELD_OUT
from tools.provenance import machine

RESULTS = Path(__file__).with_name("things.json")
SHAPES = ((5, 1), (5, 5), (10, 1), (10, 5))
LONGEST = (64, 32)
PER_CLASS = 150
ROADS = (
    ("car", "truck", "bus"),
    ("car", "truck", "bus", "motorcycle"),
    ("person", "rider"),
    ("rider", "bicycle", "motorcycle", "person"),
)
LEAST_SIDE = 20.0
PER_ROAD_CLASS = 300
N_EPISODES, N_ROAD_EPISODES = 600, 300
SOURCES = ("cars", "tiny", "people", "excavators", "wheelchairs")


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=["crops", "write"])
    parser.add_argument("--kinds", type=Path, default=Path("runs/data/kinds"))
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--weights", type=Path, default=Path("runs/things_held/things.safetensors"))
    parser.add_argument(
        "--only", help="only those that these letters are in: level2, places, average 96, things"
    )
    arguments = parser.parse_args()
    if arguments.command == "crops":
        torch.set_num_threads(1)
        compare(arguments)
    write_page(json.loads(RESULTS.read_text(encoding="utf-8")))


def compare(arguments: argparse.Namespace) -> None:
    """Ask the embeddings the same episodes; the figures of others are kept."""
    held = json.loads(HELD_OUT.read_text(encoding="utf-8"))["kinds"]
    kinds = held_kinds(arguments.kinds, held)
    roads = road_things(arguments.scenes / "bdd")
    for name, make in embedders(arguments.weights).items():
        if arguments.only and arguments.only not in name:
            continue
        embedder = make()
        found = figures(embedder, kinds, roads, held)
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        results[embedder.name] = {"machine": machine(), **found}
        means = {k: round(v[0], 1) for part in ("kinds", "roads") for k, v in found[part].items()}
        print(embedder.name, means, flush=True)
        write_text(RESULTS, json.dumps(results, indent=1) + "\n")


def embedders(weights: Path) -> dict[str, Callable[[], Embedder]]:
    """Return what is compared, by the words of `--only`."""
    averages = {f"average {size}": partial(imagenet_average, size) for size in (96, 112, 128)}
    held = partial(thing_embedding, "thing-embedding, held out", weights)
    return {"level2": shipped_level2, "places": imagenet_places, **averages, "things": held}


def figures(
    embedder: Embedder, kinds: Sequence[Thing], roads: Sequence[Thing], held: Sequence[str]
) -> dict[str, Any]:
    """Return all figures of an embedding: [mean, interval] in percent by row of the tables."""
    found: dict[str, Any] = {"kinds": {}, "roads": {}}
    pool = Pool(np.array([thing.name for thing in kinds]), groups_of(kinds))
    for longest in LONGEST:
        embedded = embedder(kinds, longest)
        for shape in SHAPES:
            key = f"{longest} px, {shape[0]}-way {shape[1]}-shot"
            found["kinds"][key] = accuracy(embedded, pool, held, shape, N_EPISODES)
    pool = Pool(np.array([thing.name for thing in roads]), groups_of(roads))
    embedded = embedder(roads, np.inf)
    for ways in ROADS:
        for n_shot in (1, 5):
            key = f"{', '.join(ways)}: {n_shot}-shot"
            shape = (len(ways), n_shot)
            found["roads"][key] = accuracy(embedded, pool, ways, shape, N_ROAD_EPISODES)
    return found


def held_kinds(folder: Path, held: Sequence[str]) -> list[Thing]:
    """Return things of the classes held out, so many a class and source, drawn with seed 0."""
    rng = np.random.default_rng(0)
    wanted = set(held).__contains__
    return [t for s in SOURCES for t in read_kinds(folder / s, wanted, PER_CLASS, rng)]


def road_things(folder: Path) -> list[Thing]:
    """Return things of the road users of BDD's scenes, drawn with seed 0."""
    rng = np.random.default_rng(0)
    names = SCENE_KINDS["bdd"]
    return scene_things(folder, names, LEAST_SIDE, None, PER_ROAD_CLASS, rng=rng)


if __name__ == "__main__":
    main()
