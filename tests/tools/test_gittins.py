"""Gittins indices against published ones: Gittins' table for a discount of 0.9."""

import sys
from pathlib import Path

import pytest

TOOLS = str(Path(__file__).parents[2] / "tools")
# Table of Gittins indices at a discount of 0.9, as in Christian, Griffiths: Algorithms to Live By.
PUBLISHED = {(0, 0): 0.7029, (1, 1): 0.6346, (2, 2): 0.6010, (9, 1): 0.8695}


@pytest.fixture(autouse=True)
def _tools_are_found(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    yield
    for name in ("gittins", "bandit_strategies"):
        sys.modules.pop(name, None)


def test_published_values():
    from gittins import index_table

    table = index_table(0.9, 10)
    for (wins, losses), value in PUBLISHED.items():
        assert table[wins, losses] == pytest.approx(value, abs=1e-4)


def test_strategies_earn_what_they_should():
    pytest.importorskip("stable_baselines3")
    from bandit_strategies import STRATEGIES, play

    from drivemeta.training.schedulers.bandits import Bandits

    means = {
        name: play(strategy, Bandits(5, 10, 4000, 7), 0).mean()
        for name, strategy in STRATEGIES.items()
    }
    assert means["random"] == pytest.approx(5.0, abs=0.1)
    assert means["random"] < means["Thompson"] < means["UCB1"]
    best = max(means.values())
    for name in ("Gittins", "UCB1", "greedy"):
        assert means[name] == pytest.approx(best, rel=0.02)
