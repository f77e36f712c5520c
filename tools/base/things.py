"""Ship the thing-embedding: its weights, named rows of its kinds, and a replay store.

    python -m tools.base.things --run runs/things --config configs/train_things.yaml

The rows are spherical means of training crops; the store has embeddings of ordinary road users of
the same training, which a new class is learnt against.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as serialize

from drivemeta.banks.contrast import kinds_of
from drivemeta.banks.named import BACKGROUND, NamedBank, save_bank
from drivemeta.banks.replay import ThingReplay, load_replay
from drivemeta.config import load_config
from drivemeta.core.boxes import FloatArray
from drivemeta.files import write_bytes
from drivemeta.models.things import ThingEmbedding, load_things
from drivemeta.paths import NAMED_BANKS, THING_REPLAY, THING_WEIGHTS
from drivemeta.training.base.thing_crops import Thing
from drivemeta.training.base.thing_sampler import read_things
from drivemeta.training.base.thing_views import clean_view
from drivemeta.training.base.things import WEIGHTS, ThingTraining

SCENES = ("bdd", "bdd-more", "kitti", "coco")
REPLAY_PER_CLASS = {"car": 1600, "person": 900, "truck": 900, "bus": 500}
REPLAY_OTHERS, REPLAY_WEB = 400, 25
NAMED_ALONE = 0.99  # of the others: who asks for names wants them right
NAMED = ("bus", "truck")  # kinds of vehicle whose precision on roads is good enough to ship
BATCH = 32


def main() -> None:
    """Write the three, or the store alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--store", type=Path, help="write the store alone, to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    weights, config = arguments.run / WEIGHTS, load_config(arguments.config, ThingTraining)
    chosen = choose(config)
    if arguments.store is None:
        ship(weights, chosen)
    else:
        write_bytes(arguments.store, replay_store(chosen, embed(load_things(weights), chosen)))


def choose(config: ThingTraining) -> list[Thing]:
    """Return the training things that the store keeps and that rows are made of."""
    things, others = read_things(config.data, config.seed)
    kinds = sorted(things.keys() - others)
    return [thing for name in kinds for thing in replayed(name, things[name])]


def ship(weights: Path, chosen: Sequence[Thing]) -> None:
    """Write weights, rows and store to where they ship."""
    embeddings = embed(load_things(weights), chosen)
    write_bytes(THING_REPLAY, replay_store(chosen, embeddings))
    write_bytes(THING_WEIGHTS, weights.read_bytes())
    load_replay.cache_clear()
    save_bank(NAMED_BANKS / "vehicles.safetensors", vehicles(load_replay()))
    print(f"{len(chosen)} things in the store: {dict(Counter(thing.name for thing in chosen))}")


def replayed(name: str, things: Sequence[Thing]) -> list[Thing]:
    """Return the things of a class that the store keeps: many of roads, few of the web."""
    roads = [thing for thing in things if thing.source in SCENES]
    web = [thing for thing in things if thing.source not in SCENES]
    return roads[: REPLAY_PER_CLASS.get(name, REPLAY_OTHERS)] + web[:REPLAY_WEB]


@torch.inference_mode()
def embed(network: ThingEmbedding, things: Sequence[Thing]) -> FloatArray:
    """Return the (n, 128) float32 embeddings of the views that a detector cuts of things."""
    found = [
        network(torch.stack([clean_view(thing) for thing in things[start : start + BATCH]]))
        for start in range(0, len(things), BATCH)
    ]
    return np.asarray(torch.cat(found).numpy(), np.float32)


def replay_store(things: Sequence[Thing], embeddings: FloatArray) -> bytes:
    """Return a safetensors file: `embeddings` (n, 128) float16, `labels` and `groups` (n,).

    The header `drivemeta_replay` is JSON with `names`, which labels index, and the names of the
    pictures or drives, `frames`, which groups index: two of one group resemble each other.
    """
    names = sorted({thing.name for thing in things})
    frames = sorted({f"{thing.source}/{thing.group}" for thing in things})
    place = {frame: i for i, frame in enumerate(frames)}
    tensors = {
        "embeddings": np.ascontiguousarray(embeddings, np.float16),
        "labels": np.array([names.index(thing.name) for thing in things], np.int32),
        "groups": np.array([place[f"{t.source}/{t.group}"] for t in things], np.int32),
    }
    header = json.dumps({"names": names, "frames": frames})
    return bytes(serialize(tensors, metadata={"drivemeta_replay": header}))


def vehicles(replay: ThingReplay) -> NamedBank:
    """Return a row for each kind that is named, each told from all others that ship."""
    found = kinds_of(replay, "vehicle", NAMED_ALONE)
    chosen = [found.names.index(name) for name in NAMED]
    return NamedBank(
        "vehicle",
        (*NAMED, BACKGROUND),
        np.append(found.weights[chosen], np.zeros_like(found.weights[:1]), axis=0),
        np.append(found.biases[chosen], np.float32(0)),
    )


if __name__ == "__main__":
    main()
