"""Multi-armed bandits as trials of RL^2."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from drivemeta.training.schedulers.vector import ArrayEnv


class Bandits(ArrayEnv):
    """Bernoulli bandits, a new one for each trial, many trials at a time.

    Duan, Schulman, Chen, Bartlett, Sutskever, Abbeel: RL^2, 2016, arXiv 1611.02779, section 3.1.
    Each arm pays 1 with a probability drawn uniformly from [0, 1] for the trial, else 0. An
    episode is one pull. The observation holds what the paper feeds back: the last action as one
    row of the identity matrix, the last reward, and whether an episode ended (n_arms + 2,).

    Args:
        n_arms: Number of arms of each bandit.
        n_pulls: Number of pulls of a trial.
        n_envs: Number of trials at a time.
        seed: Seed of the bandits and what they pay.
        expected: Whether the reward is the arm's probability, while the observation holds what it
            paid. A policy is worth the same by both, and learns from less noise.
    """

    def __init__(
        self, n_arms: int, n_pulls: int, n_envs: int = 1, seed: int = 0, *, expected: bool = False
    ) -> None:
        seen = spaces.Box(0.0, 1.0, (n_arms + 2,), np.float32)
        super().__init__(n_envs, n_pulls, seen, spaces.Discrete(n_arms), seed)
        self.means = np.zeros((n_envs, n_arms))
        self.expected = expected

    def _begin(self) -> NDArray[np.float32]:
        self.means = self.generator.random(self.means.shape)
        return np.zeros((self.num_envs, self.means.shape[1] + 2), np.float32)

    def _play(self, actions: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = np.arange(self.num_envs)
        chances = self.means[rows, actions]
        paid = self.generator.random(self.num_envs) < chances
        observations = np.zeros((self.num_envs, self.means.shape[1] + 2), np.float32)
        observations[rows, actions] = 1
        observations[:, -2], observations[:, -1] = paid, 1
        return observations, (chances if self.expected else paid).astype(np.float32)
