"""What a learnt scheduler sees of a running stream, as numbers of about one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.run import PlanMode
from drivemeta.plugins.scheduler.protocol import Outcome, SchedulerState

MODES: tuple[PlanMode, ...] = ("skip", "small", "full", "sliced")
LOOKS = MODES[1:]
N_FEATURES = 21
MISS_PRICE = 0.5  # of an inference that takes longer than the budget


class SchedulerFeatures:
    """Turns states and outcomes into the policy's input.

    In order: the last latency of each kind of inference over the budget, as a logarithm; whether it
    is known; frames that wait; tracks, their age and score; change of the picture; frames since the
    last full inference and since the last one; whether `small` and `sliced` are offered; the last
    action as a row of the identity matrix; the part of the last reward that can be seen at run
    time, the price of inferences that took longer than the budget; whether an episode has just
    begun.

    Args:
        budget_s: Seconds that an inference may take.
        offered: Modes that the run has.
    """

    def __init__(self, budget_s: float, offered: Sequence[PlanMode] = MODES) -> None:
        self._budget_s = budget_s
        self._latencies = dict.fromkeys(LOOKS, 0.0)
        self._offered = [float(mode in offered) for mode in ("small", "sliced")]
        self._since_look, self._last, self._reward = 0, -1, 0.0
        self._begun = 1.0

    def begin(self) -> None:
        """Begin a new episode; what is known of the device is kept."""
        self._begun = 1.0

    def act(self, mode: PlanMode) -> None:
        """Take in what was chosen."""
        self._last = MODES.index(mode)
        self._since_look = self._since_look + 1 if mode == "skip" else 0

    def observe(self, outcome: Outcome) -> None:
        """Take in what came of a plan, which may be late."""
        if outcome.latency_s > 0 and outcome.plan.mode in self._latencies:
            self._latencies[outcome.plan.mode] = outcome.latency_s
            self._reward -= MISS_PRICE * (outcome.latency_s > self._budget_s)

    def vector(self, state: SchedulerState) -> NDArray[np.float32]:
        """Return the features, (21,) float32 in [-2, 2]."""
        known = [float(latency > 0) for latency in self._latencies.values()]
        ratios = [
            float(np.log2(latency / self._budget_s)) / 3 if latency > 0 else 0.0
            for latency in self._latencies.values()
        ]
        action = [0.0] * len(MODES)
        if self._last >= 0:
            action[self._last] = 1.0
        values = [
            *ratios,
            *known,
            state.queue_length / 8,
            state.n_tracks / 20,
            state.mean_age / 50,
            state.mean_score,
            state.difference * 10,
            state.since_full / 20,
            self._since_look / 20,
            *self._offered,
            *action,
            self._reward,
            self._begun,
        ]
        self._reward, self._begun = 0.0, 0.0
        return np.clip(np.array(values, np.float32), -2, 2)
