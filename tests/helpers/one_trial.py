"""One trial of an array environment, as Gymnasium has it, for its checker."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drivemeta.training.schedulers.vector import ArrayEnv


class OneTrial(gym.Env[NDArray[np.float32], NDArray[Any]]):
    """Plays one trial at a time; a trial is one Gymnasium episode.

    Args:
        trials: an environment of one trial at a time.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (as Gymnasium declares it)

    def __init__(self, trials: ArrayEnv) -> None:
        if trials.num_envs != 1:
            raise ValueError(f"expected one trial at a time, found {trials.num_envs}")
        self._trials = trials
        self.observation_space, self.action_space = trials.observation_space, trials.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draw a task."""
        super().reset(seed=seed, options=options)
        self._trials.generator = self.np_random
        return self._trials.reset()[0], {}

    def step(
        self, action: NDArray[Any]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one step; at the end of a trial the observation is that of the next one."""
        self._trials.step_async(np.asarray(action)[None])
        seen, rewards, ended, infos = self._trials.step_wait()
        return seen[0], float(rewards[0]), bool(ended[0]), False, infos[0]
