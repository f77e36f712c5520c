"""Many copies of an environment as whole-array code, for Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv


class ArrayEnv(VecEnv):  # type: ignore[misc,unused-ignore]
    """Trials that all have the same length, stepped together.

    A subclass draws new tasks in `_begin` and plays one step in `_play`.

    Args:
        n_envs: Number of trials at a time.
        n_steps: Number of steps of a trial.
        observations: Space of one observation.
        actions: Space of one action.
        seed: Seed of the tasks.
    """

    def __init__(
        self,
        n_envs: int,
        n_steps: int,
        observations: spaces.Space[Any],
        actions: spaces.Space[Any],
        seed: int,
    ) -> None:
        self.render_mode = None
        super().__init__(n_envs, observations, actions)
        self.n_steps = n_steps
        self.generator = np.random.default_rng(seed)
        self._t = 0
        self._actions: NDArray[Any] = np.zeros(n_envs)
        self._returns = np.zeros(n_envs)

    def _begin(self) -> NDArray[np.float32]:
        """Draw new tasks; return the first observations, (n_envs, n_features) float32."""
        raise NotImplementedError

    def _play(self, actions: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the next observations, (n_envs, n_features), and the rewards, (n_envs,)."""
        raise NotImplementedError

    def reset(self) -> NDArray[np.float32]:
        """Begin new trials."""
        self._t, self._returns = 0, np.zeros(self.num_envs)
        return self._begin()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take in the actions."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Play one step; new trials begin where all trials ended."""
        observations, rewards = self._play(self._actions)
        self._t += 1
        self._returns += rewards
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        ended = self._t == self.n_steps
        if ended:
            for info, total in zip(infos, self._returns, strict=True):
                info["episode"] = {"r": float(total), "l": self.n_steps, "t": 0.0}
            observations = self.reset()
        return observations, rewards, np.full(self.num_envs, ended), infos

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute once for each trial requested."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: trials share their attributes."""
        raise NotImplementedError(f"{attr_name} is shared by all {self.num_envs} trials")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Refuse: trials are no objects of their own."""
        raise NotImplementedError(f"{method_name}: trials are rows of arrays")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:  # noqa: ARG002
        """Return false for each trial requested."""
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[Any]:
        """Return no images."""
        return []
