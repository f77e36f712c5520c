"""The few-shot protocol: nested draws, disjoint queries, paired intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.fewshot import Trial, difference, draw_seed, estimate
from drivemeta.evaluation.matching import Matches

N_IMAGES, N_CLASSES = 60, 3


@pytest.fixture(scope="module")
def novel() -> Dataset:
    rng = np.random.default_rng(0)
    images = []
    for i in range(N_IMAGES):
        n = int(rng.integers(1, 4))
        boxes = np.tile(np.array([[5, 5, 25, 25]], np.float32), (n, 1))
        labels, ignore = rng.integers(0, N_CLASSES, n), np.zeros(n, np.bool_)
        images.append(AnnotatedImage(Path(f"{i}.png"), (50, 50), boxes, labels, ignore))
    return Dataset(tuple(images), ("a", "b", "c"))


def test_queries_are_shared_and_never_drawn(novel: Dataset) -> None:
    for seed in range(5):
        draw = draw_seed(novel, (1, 3), seed)
        largest = draw_seed(novel, (10,), seed)
        assert draw.query.tolist() == largest.query.tolist()
        queries = {novel.images[i].path for i in draw.query}
        assert 0 < len(queries) < N_IMAGES
        for shots, support in {**draw.supports, **largest.supports}.items():
            assert set(support.n_boxes().values()) == {shots}
            assert not queries & {image.path for image in support.images}


def trial(novel: Dataset, seed: int, hit_rate: float) -> Trial:
    """Return a trial in which each box is found with a given chance, and half as many misses."""
    rng = np.random.default_rng([seed, int(hit_rate * 100)])
    query = draw_seed(novel, (1,), seed).query
    matches = {}
    for label, name in enumerate(novel.classes):
        n_truth = [int((novel.images[i].labels == label).sum()) for i in query]
        rows = []
        for n in n_truth:
            hits = rng.random(n) < hit_rate
            outcomes = np.concatenate([np.ones(int(hits.sum())), np.zeros(n // 2)])
            rows.append((rng.random(len(outcomes)).astype(np.float32), outcomes.astype(np.int64)))
        matches[name] = Matches.collect(rows, n_truth)
    return Trial(seed, query, matches, 1.0)


def test_intervals_hold_the_mean_and_differences_are_paired(novel: Dataset) -> None:
    low = [trial(novel, seed, 0.4) for seed in range(10)]
    high = [trial(novel, seed, 0.9) for seed in range(10)]
    value = estimate(low, novel.classes, n_rounds=100)
    assert value.low < value.mean < value.high
    assert value == estimate(low, novel.classes, n_rounds=100)
    gain = difference(high, low, novel.classes, n_rounds=100)
    expected = estimate(high, novel.classes, n_rounds=2).mean - value.mean
    assert gain.mean == pytest.approx(expected)
    assert gain.low > 0
    same = difference(low, low, novel.classes, n_rounds=20)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
