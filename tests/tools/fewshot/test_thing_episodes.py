"""Episodes of things."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tools.fewshot.thing_episodes import N_QUERY, Pool, accuracy, split
from tools.fewshot.things_split import HELD_OUT


def test_support_and_query_are_never_of_one_group() -> None:
    groups = np.array(["a", "a", "b", "b", "c", "d"] * 4)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(groups))
        shots, asked = split(order, groups, 2)
        assert len(shots) == 2
        assert len(set(groups[shots])) == 2
        assert not set(groups[shots]) & set(groups[asked])
        assert 0 < len(asked) <= N_QUERY


def test_what_is_apart_is_told_and_what_is_alike_is_guessed() -> None:
    names = np.repeat(np.array(["x", "y", "z"]), 30)
    pool = Pool(names, np.arange(90).astype(str))
    apart = np.eye(3, dtype=np.float32)[np.repeat(np.arange(3), 30)]
    assert accuracy(apart, pool, ["x", "y", "z"], (3, 1), 20) == (100, 0)
    noise = np.random.default_rng(0).normal(size=(90, 64)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    mean, interval = accuracy(noise, pool, ["x", "y", "z"], (3, 1), 200)
    assert mean == pytest.approx(100 / 3, abs=3)
    assert 0 < interval < 5


def test_the_held_out_classes_are_a_third_and_of_all_sources() -> None:
    held = json.loads(HELD_OUT.read_text(encoding="utf-8"))
    assert len(held["kinds"]) == round(47 / 3)
    assert {"bus", "rider"} <= set(held["roads"])
    assert not set(held["kinds"]) & set(held["roads"])
