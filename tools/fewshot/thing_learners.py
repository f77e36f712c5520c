"""Learners over things, on crops of kinds that were held out of training.

    python -m tools.fewshot.thing_learners --weights runs/things_held/things.safetensors \
        --store runs/things_held/replay.safetensors

Every learner is given the same episodes of the embedding's crops. Its classes are told by its own
rows, by their cosines, and by discriminants of these rows against the things that ship, as in the
detector. Those that adapt a layer replay the store. The table goes into docs/things.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from drivemeta.adaptation.learner_weights import Initialisation
from drivemeta.adaptation.thing_layer import identity_layer
from drivemeta.banks.contrast import Contrast
from drivemeta.banks.replay import ThingReplay, load_replay
from drivemeta.core.boxes import FloatArray
from drivemeta.files import write_text
from drivemeta.markdown import table
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.registry import default_registry
from tools.fewshot.thing_episodes import Pool, split
from tools.fewshot.thing_networks import groups_of, thing_embedding
from tools.fewshot.thing_page import put_between
from tools.fewshot.things import held_kinds
from tools.fewshot.things_split import HELD_OUT
from tools.provenance import machine

RESULTS = Path(__file__).with_name("thing_learners.json")
LEARNERS = ("protonet", "maml", "reptile", "metasgd", "anil")
SHAPES = ((5, 1), (5, 5))
LONGEST = 64
BEGIN = "<!-- learners: python -m tools.fewshot.thing_learners -->"
END = "<!-- end of learners -->"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kinds", type=Path, default=Path("runs/data/kinds"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    held = json.loads(HELD_OUT.read_text(encoding="utf-8"))["kinds"]
    things = held_kinds(arguments.kinds, held)
    embeddings = thing_embedding("", arguments.weights)(things, LONGEST)
    pool = Pool(np.array([thing.name for thing in things]), groups_of(things))
    store, found = load_replay(arguments.store), {}
    for shape in SHAPES:
        drawn = list(episodes(embeddings, pool, held, shape, arguments.episodes))
        for name in LEARNERS:
            right = np.array([accuracies(name, *episode, store) for episode in drawn])
            found[f"{name}, {shape[1]}"] = right.tolist()
            print(name, shape, np.round(100 * right.mean(0), 1), flush=True)
    result = {"machine": machine(), "episodes": arguments.episodes, "right": found}
    write_text(RESULTS, json.dumps(result) + "\n")
    write_page(result)


def episodes(
    embeddings: FloatArray, pool: Pool, names: list[str], shape: tuple[int, int], n: int
) -> Iterator[tuple[LabelledImages, FloatArray, FloatArray]]:
    """Yield supports, queries and their labels, drawn with seed 0."""
    n_way, n_shot = shape
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(pool.names == name) for name in names]
    for _ in range(n):
        shots, asked, labels = [], [], []
        for label, way in enumerate(rng.choice(len(names), n_way, replace=False)):
            mine, others = split(rng.permutation(members[way]), pool.groups, n_shot)
            shots.append(embeddings[mine])
            asked.append(embeddings[others])
            labels.append(np.full(len(others), label))
        support = LabelledImages(
            torch.from_numpy(np.concatenate(shots)),
            torch.arange(n_way).repeat_interleave(n_shot),
            torch.arange(n_way * n_shot),
            tuple(str(i) for i in range(n_way)),
            torch.zeros(0, embeddings.shape[1]),
        )
        yield support, np.concatenate(asked), np.concatenate(labels)


@torch.no_grad()
def accuracies(
    name: str, support: LabelledImages, queries: FloatArray, labels: FloatArray, store: ThingReplay
) -> tuple[float, float]:
    """Return the accuracy by the rows of a learner, and by discriminants of them."""
    plugin, columns = default_registry().build("learner", name), torch.from_numpy(queries)
    if name == "protonet":
        classifier = plugin.object.fit(nn.Identity(), support)
    else:
        start = Initialisation.untrained(plugin, identity_layer())
        replay = torch.from_numpy(store.embeddings)
        given = replace(support, replay=replay, replay_labels=torch.from_numpy(store.labels))
        classifier = plugin.object.fit(start.model(), given)
        layer = classifier.novel_branch()
        assert layer is not None
        columns = layer(columns)
        store = replace(store, embeddings=layer(replay).numpy())
    rows = classifier.as_bank()
    assert rows is not None
    own = rows.owners >= 0
    weights, biases = Contrast.of(store, "").rows(rows.weights[own])
    owners = rows.owners[own]
    cosines = columns.numpy() @ rows.weights[own].T
    logits = columns.numpy() @ weights.T - biases
    by_rows, by_store = (
        float((owners[each.argmax(1)] == labels).mean()) for each in (cosines, logits)
    )
    return by_rows, by_store


def write_page(result: dict[str, Any]) -> None:
    """Put the table into the page, with the differences to prototypes on the same episodes."""
    rows = []
    for name in LEARNERS:
        cells = []
        for _, n_shot in SHAPES:
            mine = 100 * np.array(result["right"][f"{name}, {n_shot}"])
            usual = 100 * np.array(result["right"][f"protonet, {n_shot}"])
            for way in (0, 1):
                gain = mine[:, way] - usual[:, way]
                width = 1.96 * gain.std() / np.sqrt(len(gain))
                more = "" if name == "protonet" else f" ({gain.mean():+.1f} ± {width:.1f})"
                cells.append(f"{mine[:, way].mean():.1f}{more}")
        rows.append([name, *cells])
    head = [f"{n}-shot, {by}" for _, n in SHAPES for by in ("rows", "discriminants")]
    told = f"{result['episodes']} episodes of five ways, on {result['machine']}."
    put_between(BEGIN, END, [*table(["learner", *head], rows), "", told])


if __name__ == "__main__":
    main()
