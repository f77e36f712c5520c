"""Point navigation: what Gymnasium asks for, what a step pays, and when an episode ends."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from gymnasium.utils.env_checker import check_env

from drivemeta.training.schedulers.bandits import Bandits
from drivemeta.training.schedulers.points import (
    HORIZON,
    POSITION_SCALE,
    REWARD_SCALE,
    WORST,
    Points,
    best_return,
)
from tests.helpers.one_trial import OneTrial


def step(env: Points, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    env.step_async(np.full((env.num_envs, 2), (x, y)))
    return env.step_wait()[:2]


@pytest.mark.parametrize("trials", [Points(), Bandits(5, 10)])
def test_one_trial_is_a_gymnasium_environment(trials):
    check_env(OneTrial(trials), skip_render_check=True)


def test_several_trials_are_no_single_one():
    with pytest.raises(ValueError, match="one trial at a time, found 2"):
        OneTrial(Points(n_envs=2))


def test_goals_fill_the_unit_square():
    env = Points(n_envs=2000)
    env.reset()
    assert np.abs(env.goals).max() <= 0.5
    assert np.allclose(env.goals.std(0), 1 / np.sqrt(12), atol=0.02)


def test_a_step_pays_minus_the_squared_distance():
    env = Points(n_envs=3, seed=1)
    env.reset()
    seen, rewards = step(env, 0.5, -7.0)  # clipped to -1
    assert np.allclose(env.positions, [0.05, -0.1])
    assert np.allclose(rewards, -((env.positions - env.goals) ** 2).sum(1))
    assert np.allclose(seen[:, 2:4], [0.5, -1.0])
    assert np.allclose(seen[:, :2], POSITION_SCALE * env.positions)
    assert np.allclose(seen[:, 4], REWARD_SCALE * rewards.clip(-WORST, 0))
    assert not seen[:, 5].any()


def test_the_goal_stays_and_the_point_goes_back_in_the_next_episode():
    env = Points(n_episodes=2, seed=2)
    env.reset()
    goal = env.goals.copy()
    for _ in range(HORIZON):
        seen, _ = step(env, 0.1, 0.1)
    assert np.array_equal(env.goals, goal)
    assert np.allclose(seen[0, :2], 0)
    assert seen[0, 5] == 1


def test_a_point_that_went_astray_sees_itself_at_the_edge():
    env = Points(seed=4)
    seen = env.reset()
    for _ in range(50):
        seen, _ = step(env, 1.0, -1.0)
    assert env.observation_space.contains(seen[0])
    assert np.allclose(seen[0, [0, 1, 4]], [6, -6, -8])


def test_who_sees_the_goal_gets_the_best_return_and_nothing_after_arriving():
    env = Points(n_episodes=1, n_envs=50, seed=3)
    env.reset()
    goals, total = env.goals.copy(), np.zeros(50)
    for _ in range(HORIZON):
        env.step_async((goals - env.positions) / 0.1)
        rewards = env.step_wait()[1]
        total += rewards
    assert np.allclose(total, best_return(goals), atol=1e-5)
    assert not rewards.any()
