"""Point navigation in the plane as trials of RL^2."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from drivemeta.training.schedulers.vector import ArrayEnv

HORIZON = 100  # steps of an episode
SPEED = 0.1  # most a coordinate changes in a step
NEAR = 0.01  # distance of the goal at which an episode ends
FARTHEST = 2.0  # that a position is seen at
WORST = 0.8  # reward that is seen, negative
# What a step changes is small: so positions and rewards are seen enlarged.
POSITION_SCALE, REWARD_SCALE = 3.0, 10.0
N_FEATURES = 6


class Points(ArrayEnv):
    """Points that look for a goal they cannot see, a new goal for each trial.

    Finn, Abbeel, Levine: Model-Agnostic Meta-Learning, 2017, arXiv 1703.03400, section 5.3. A point
    begins at the origin; goals are drawn uniformly from the unit square around it. The action is a
    velocity, 1 standing for 0.1 a step and coordinate, clipped there; the reward of a step is minus
    the squared distance to the goal. An episode ends after 100 steps, or within 0.01 of the goal;
    the steps that are then left of its 100 are paid 0, so that trials stay of one length.

    The observation holds the position, the last action, the last reward, and whether an episode has
    just begun: (6,) float32. Positions are seen three times and rewards ten times as large, up to
    a position of 2 and a reward of -0.8. The goal stays for all episodes of a trial.

    Args:
        n_episodes: Number of episodes of a trial.
        n_envs: Number of trials at a time.
        seed: Seed of the goals.
    """

    def __init__(self, n_episodes: int = 2, n_envs: int = 1, seed: int = 0) -> None:
        edge, worst = POSITION_SCALE * FARTHEST, REWARD_SCALE * WORST
        high = np.array([edge, edge, 1, 1, 0, 1], np.float32)
        low = np.array([-edge, -edge, -1, -1, -worst, 0], np.float32)
        seen = spaces.Box(low, high, (N_FEATURES,), np.float32)
        actions = spaces.Box(-1.0, 1.0, (2,), np.float32)
        super().__init__(n_envs, n_episodes * HORIZON, seen, actions, seed)
        self.goals = self.positions = np.zeros((n_envs, 2))
        self._arrived = np.zeros(n_envs, bool)

    def _begin(self) -> NDArray[np.float32]:
        self.goals = self.generator.uniform(-0.5, 0.5, (self.num_envs, 2))
        return self._restart(np.zeros((self.num_envs, 2)), np.zeros(self.num_envs))

    def _play(self, actions: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        moves = np.clip(actions, -1, 1)
        self.positions = self.positions + SPEED * moves * ~self._arrived[:, None]
        squares = ((self.positions - self.goals) ** 2).sum(1)
        rewards = np.where(self._arrived, 0.0, -squares)
        self._arrived = self._arrived | (squares < NEAR**2)
        if (self._t + 1) % HORIZON == 0:
            return self._restart(moves, rewards), rewards.astype(np.float32)
        return self._seen(moves, rewards, begun=0.0), rewards.astype(np.float32)

    def _restart(self, moves: NDArray[Any], rewards: NDArray[Any]) -> NDArray[np.float32]:
        self.positions = np.zeros((self.num_envs, 2))
        self._arrived = np.zeros(self.num_envs, bool)
        return self._seen(moves, rewards, begun=1.0)

    def _seen(
        self, moves: NDArray[Any], rewards: NDArray[Any], *, begun: float
    ) -> NDArray[np.float32]:
        flags = np.full((self.num_envs, 1), begun)
        seen = POSITION_SCALE * self.positions.clip(-FARTHEST, FARTHEST)
        paid = REWARD_SCALE * rewards[:, None].clip(-WORST, 0)
        return np.hstack([seen, moves, paid, flags]).astype(np.float32)


def best_return(goals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what one episode pays a point that sees its goal, (n,): straight there, each axis."""
    left, total = np.abs(goals), np.zeros(len(goals))
    for _ in range(HORIZON):
        left = np.maximum(left - SPEED, 0)
        total -= (left**2).sum(1)
    return total
