"""What ships of the thing-embedding: the store of embeddings and the named rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from drivemeta.training.base.thing_crops import Thing
from tools.base.things import REPLAY_OTHERS, REPLAY_WEB, bank, replay_store, replayed


def thing(name: str, group: str, source: str = "bdd") -> Thing:
    image = np.zeros((4, 4, 3), np.uint8)
    return Thing(image, np.array([0, 0, 4, 4], np.float32), name, group, source)


def test_the_store_tells_names_and_frames(tmp_path: Path) -> None:
    things = [thing("car", "f1"), thing("bus", "f1"), thing("car", "f2")]
    embeddings = np.eye(3, 128, dtype=np.float32)
    path = tmp_path / "store.safetensors"
    path.write_bytes(replay_store(things, embeddings))
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["drivemeta_replay"])
        labels, groups = file.get_tensor("labels"), file.get_tensor("groups")
        assert file.get_tensor("embeddings").dtype == np.float16
    assert [header["names"][label] for label in labels] == ["car", "bus", "car"]
    assert [header["frames"][group] for group in groups] == ["bdd/f1", "bdd/f1", "bdd/f2"]


def test_much_of_roads_is_kept_and_little_of_the_web() -> None:
    roads = [thing("rider", str(i)) for i in range(REPLAY_OTHERS + 5)]
    web = [thing("rider", str(i), "tiny") for i in range(REPLAY_WEB + 5)]
    kept = replayed("rider", roads + web)
    assert [sum(t.source == s for t in kept) for s in ("bdd", "tiny")] == [
        REPLAY_OTHERS,
        REPLAY_WEB,
    ]


def test_a_bank_has_rows_of_its_classes_on_roads_alone() -> None:
    things = [thing("car", "1"), thing("cat", "2"), thing("bus", "3"), thing("car", "4", "cars")]
    embeddings = np.eye(4, 128, dtype=np.float32)
    made = bank("vehicle", {"bus": 2, "car": 2}, things, embeddings)
    assert made.names == ("bus", "car")
    assert np.array_equal(made.weights, embeddings[[2, 0]])
