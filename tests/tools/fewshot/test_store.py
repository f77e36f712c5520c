"""Results that are kept as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivemeta.evaluation.fewshot import Trial
from drivemeta.evaluation.matching import HIT, IGNORED, MISS, Matches
from tools.fewshot.store import TrialStore


def test_a_trial_is_kept_and_scores_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n_images, n = 20, 300
    scores = np.sort(rng.random(n).astype(np.float32))[::-1]
    outcomes = rng.choice([MISS, HIT, IGNORED], n, p=[0.85, 0.05, 0.1])
    outcomes[-60:] = MISS
    matches = Matches(rng.integers(n_images, size=n), scores, outcomes, np.full(n_images, 2))
    trial = Trial(3, np.arange(n_images), {"stop": matches}, 1.5)
    made = []

    def make() -> dict[str, Trial]:
        made.append(1)
        return {"novel": trial}

    for _ in range(2):
        kept = TrialStore(tmp_path, {"method": "one"}).trial(3, 5, make)["novel"]
    assert len(made) == 1
    assert len(kept.matches["stop"].scores) < n - 60
    for _ in range(5):
        weights = rng.integers(0, 3, n_images).astype(np.float64)
        assert kept.ap50(["stop"], weights) == pytest.approx(trial.ap50(["stop"], weights))
    TrialStore(tmp_path, {"method": "two"}).trial(3, 5, make)
    assert len(made) == 2
