"""Devices drawn at random: how fast they are, how steady, and when load comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drivemeta.core.run import PlanMode

Span = tuple[float, float]
TRAIN_SPEEDS: tuple[Span, ...] = ((0.08, 0.35), (0.6, 2.0))
HELD_SPEEDS: tuple[Span, ...] = ((0.35, 0.6), (2.0, 3.0))


@dataclass(frozen=True)
class Device:
    """A machine, measured in times between two frames.

    Attributes:
        full: Time that a full inference takes.
        jitter: Standard deviation of the logarithm of what an inference takes.
        budget: Time that an inference may take, from the frame's arrival.
        step_at: Frame of the trial from which load changes.
        step: Factor by which inferences then take longer.
    """

    full: float
    jitter: float = 0.1
    budget: float = 1.0
    step_at: int = 0
    step: float = 1.0

    def seconds(
        self, mode: PlanMode, costs: Mapping[PlanMode, float], frame: int, noise: float
    ) -> float:
        """Return what an inference takes, in times between two frames.

        Args:
            mode: Mode of the inference.
            costs: Costs of inferences in a clip, in any unit.
            frame: Frame of the trial.
            noise: Value drawn from a standard normal distribution.
        """
        load = self.step if frame >= self.step_at else 1.0
        return self.full * costs[mode] / costs["full"] * load * float(np.exp(self.jitter * noise))


def draw_device(
    generator: np.random.Generator, n_frames: int, speeds: Sequence[Span] = TRAIN_SPEEDS
) -> Device:
    """Draw a device for a trial; load changes in half of them."""
    logs = np.log(np.array(speeds))
    widths = np.diff(logs, axis=1)[:, 0]
    low, high = logs[generator.choice(len(speeds), p=widths / widths.sum())]
    changes = generator.random() < 0.5
    return Device(
        full=float(np.exp(generator.uniform(low, high))),
        jitter=float(generator.uniform(0.03, 0.25)),
        budget=float(np.exp(generator.uniform(np.log(0.6), np.log(2.5)))),
        step_at=int(generator.integers(n_frames // 4, 3 * n_frames // 4)),
        step=float(np.exp(generator.uniform(np.log(0.4), np.log(4)))) if changes else 1.0,
    )
