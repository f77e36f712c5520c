"""What the strategies earn on Bernoulli bandits."""

import pytest


def test_strategies_earn_what_they_should():
    pytest.importorskip("stable_baselines3")
    from drivemeta.training.schedulers.bandits import Bandits
    from tools.papers.bandit_strategies import STRATEGIES, play

    means = {
        name: play(strategy, Bandits(5, 10, 4000, 7), 0).mean()
        for name, strategy in STRATEGIES.items()
    }
    assert means["random"] == pytest.approx(5.0, abs=0.1)
    assert means["random"] < means["Thompson"] < means["UCB1"]
    best = max(means.values())
    for name in ("Gittins", "UCB1", "greedy"):
        assert means[name] == pytest.approx(best, rel=0.02)
