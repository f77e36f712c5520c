"""What bandits pay, and what a policy sees of it."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from drivemeta.training.schedulers.bandits import Bandits


def rewards_of(env, arm):
    env.reset()
    rewards, paid = [], []
    for _ in range(env.n_steps):
        seen, reward = env._play(np.full(env.num_envs, arm))
        rewards.append(reward)
        paid.append(seen[:, -2])
    return np.array(rewards), np.array(paid)


def test_a_policy_sees_what_was_paid():
    rewards, paid = rewards_of(Bandits(3, 50, 40, seed=0), 1)
    assert set(np.unique(rewards)) == {0, 1}
    assert np.array_equal(rewards, paid)


def test_expected_rewards_are_the_chances_and_what_is_seen_stays_chance():
    env = Bandits(3, 400, 40, seed=0, expected=True)
    rewards, paid = rewards_of(env, 2)
    assert np.allclose(rewards, env.means[:, 2], atol=1e-6)
    assert set(np.unique(paid)) == {0, 1}
    assert np.abs(paid.mean(0) - rewards.mean(0)).max() < 0.1  # four standard deviations


def test_the_last_action_is_seen():
    env = Bandits(3, 5, 2, seed=0)
    env.reset()
    env.step_async(np.array([2, 0]))
    observations, *_ = env.step_wait()
    assert observations[:, :3].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert (observations[:, -1] == 1).all()
