"""The strategies that RL^2 is compared with on Bernoulli bandits, many bandits at a time.

A strategy maps the wins and losses of every arm, (n_envs, n_arms) each, the pull (from 0) and a
generator to scores of the same shape; the best arm is pulled, ties broken at random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drivemeta.training.schedulers.bandits import Bandits
from tools.papers.gittins import index_table

Counts = NDArray[np.int64]
Strategy = Callable[[Counts, Counts, int, int, np.random.Generator], NDArray[np.float64]]


def random(
    wins: Counts, _losses: Counts, _pull: int, _n: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Pull any arm."""
    return generator.random(wins.shape)


def greedy(
    wins: Counts, losses: Counts, _pull: int, _n: int, _generator: np.random.Generator
) -> NDArray[np.float64]:
    """Pull the arm with the best mean of a uniform prior."""
    return (wins + 1) / (wins + losses + 2)


def ucb1(
    wins: Counts, losses: Counts, pull: int, _n: int, _generator: np.random.Generator
) -> NDArray[np.float64]:
    """Pull the arm with the best mean plus bonus, the bonus times 0.1.

    Auer, Cesa-Bianchi, Fischer: Finite-time analysis of the multiarmed bandit problem, 2002. The
    factor is 1 there; 0.1 earned most of 0, 0.1, 0.2, 0.3, 0.5 and 1 on 4,000 other instances of
    5 arms. The mean here is that of a uniform prior.
    """
    bonus = np.sqrt(2 * np.log(pull + 1) / (wins + losses + 1))
    return np.asarray((wins + 1) / (wins + losses + 2) + 0.1 * bonus, np.float64)


def thompson(
    wins: Counts, losses: Counts, _pull: int, _n: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Pull the arm that is best in one draw from the posterior of a uniform prior."""
    return generator.beta(wins + 1, losses + 1)


def gittins(
    wins: Counts, losses: Counts, _pull: int, n_pulls: int, _generator: np.random.Generator
) -> NDArray[np.float64]:
    """Pull the arm with the best Gittins index, discounted so that the horizon is the trial's."""
    table = index_table(1 - 1 / n_pulls, n_pulls)
    return np.asarray(table[wins, losses], np.float64)


STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "Gittins": gittins,
    "Thompson": thompson,
    "UCB1": ucb1,
    "greedy": greedy,
}


def play(strategy: Strategy, env: Bandits, seed: int) -> NDArray[np.float64]:
    """Return the total reward of each instance, (n_envs,)."""
    generator = np.random.default_rng(seed)
    env.reset()
    shape = env.means.shape
    wins, losses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    rows = np.arange(shape[0])
    for pull in range(env.n_steps):
        scores = strategy(wins, losses, pull, env.n_steps, generator)
        arms = (scores + 1e-9 * generator.random(shape)).argmax(1)
        env.step_async(arms)
        _, rewards, _, _ = env.step_wait()
        wins[rows, arms] += rewards > 0
        losses[rows, arms] += rewards == 0
    return np.asarray(wins.sum(1), np.float64)
