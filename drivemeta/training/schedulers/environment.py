"""Choosing the inference of each frame, as a Gymnasium environment that replays recorded traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import iou_matrix
from drivemeta.core.run import PlanMode
from drivemeta.errors import InputError
from drivemeta.plugins.scheduler.features import (
    MISS_PRICE,
    MODES,
    N_FEATURES,
    SchedulerFeatures,
)
from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    SchedulerState,
)
from drivemeta.training.schedulers.device import (
    TRAIN_SPEEDS,
    Device,
    Span,
    draw_device,
)
from drivemeta.training.schedulers.recall import HORIZON, recall_table
from drivemeta.training.schedulers.traces import LOOKS, Trace

EPISODES, LENGTH = 2, 40
MOST_BACKLOG = 8.0  # frames that wait before a pipeline drops some


class PerceptionEnv(gym.Env[NDArray[np.float32], np.int64]):
    """One trial: a device, and episodes of clip segments seen on it.

    The step is a frame. An inference occupies the device; it begins when those before it are done,
    and what it finds is shown from the first frame at which it is done, unmoved until the next. The
    inference of a frame for which eight frames' time of work already waits is dropped.

    The reward of a frame is the recall of what is shown against the sliced inference on it (IoU
    0.5, same class, weighted by size and nearness), less 0.5 if the frame's inference is done later
    than the budget. False alarms cost nothing, tracks stand still between inferences, and one
    inference at a time runs: a device that runs several is not modelled.

    The observation is that of `plugins.scheduler.features.SchedulerFeatures`. A trial is one
    Gymnasium episode, so a recurrent policy keeps its memory across the episodes of a trial, as in
    RL^2.

    Args:
        traces: Clips to draw from.
        speeds: Spans to draw what a full inference takes from, in times between two frames.
        n_episodes: Number of episodes of a trial.
        length: Number of frames of an episode.
        device: Device of every trial; None to draw one.
        offered: Modes that can be had; None to draw them.

    Raises:
        InputError: a clip is shorter than an episode.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (as Gymnasium declares it)

    def __init__(
        self,
        traces: Sequence[Trace],
        speeds: Sequence[Span] = TRAIN_SPEEDS,
        *,
        n_episodes: int = EPISODES,
        length: int = LENGTH,
        device: Device | None = None,
        offered: Sequence[PlanMode] | None = None,
    ) -> None:
        for trace in traces:
            if len(trace) < length:
                raise InputError(
                    f"trace {trace.name}: expected {length} frames or more, found {len(trace)}"
                )
        self.observation_space = spaces.Box(-2.0, 2.0, (N_FEATURES,), np.float32)
        self.action_space = spaces.Discrete(len(MODES))
        self.n_steps, self._length = n_episodes * length, length
        self._traces, self._speeds = list(traces), speeds
        self._tables = [recall_table(trace) for trace in traces]
        self._given, self._given_modes = device, offered
        self._since_full = self._frame = 0
        self._free_at = self._last_latency = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draw a device and its first clip segment."""
        super().reset(seed=seed, options=options)
        self.device = self._given or draw_device(self.np_random, self.n_steps, self._speeds)
        few = [mode for mode in MODES if mode in ("skip", "full") or self.np_random.random() < 0.8]
        self.offered: Sequence[PlanMode] = self._given_modes or few
        self._features = SchedulerFeatures(self.device.budget, self.offered)
        self._t = 0
        self._begin()
        return self._features.vector(self.state()), {}

    def step(
        self, action: np.int64
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Carry out a mode (index into `MODES`; a full inference for one that is not offered)."""
        mode = MODES[int(action)]
        mode = mode if mode in self.offered else "full"
        self._features.act(mode)
        used, late = self._look(mode)
        self._since_full = 0 if mode in ("full", "sliced") else self._since_full + 1
        self._take_finished(self._frame + self.device.budget, only_shown=True)
        seen = self._recall()
        reward = seen - MISS_PRICE * late
        self._t += 1
        self._frame += 1
        ended = self._t == self.n_steps
        if self._frame == self._length and not ended:
            self._begin()
        else:
            self._take_finished(float(self._frame), only_shown=False)
        info = {"recall": seen, "late": late, "compute": used, "mode": mode}
        return self._features.vector(self.state()), reward, ended, False, info

    def state(self) -> SchedulerState:
        """Return what a pipeline would tell a scheduler at this frame; times in frames."""
        index = min(self._start + self._frame, len(self._trace) - 1)
        look = self._shown_detections()
        scores = look.scores
        ages = self._ages
        return SchedulerState(
            self._t,
            float(self._t),
            self._last_latency,
            int(max(0.0, min(self._free_at - self._frame, MOST_BACKLOG))),
            len(look),
            self._since_full,
            float(ages.mean()) if len(ages) else 0.0,
            float(scores.mean()) if len(scores) else 0.0,
            float(self._trace.differences[index]),
        )

    def best_look(self) -> tuple[float, int]:
        """Return the best reward of this frame alone and the mode that gets it, without noise."""
        rewards = [self._hoped(mode) for mode in MODES]
        best = int(np.argmax(rewards))
        return rewards[best], best

    @property
    def outcomes(self) -> list[tuple[int, Outcome]]:
        """Frames of the trial whose inference was done since the last step, and its outcome."""
        return self._told

    def _begin(self) -> None:
        """Draw a clip segment; the device is idle."""
        which = int(self.np_random.integers(len(self._traces)))
        self._trace, self._table = self._traces[which], self._tables[which]
        self._start = int(self.np_random.integers(len(self._trace) - self._length + 1))
        self._frame, self._free_at, self._since_full = 0, 0.0, 0
        self._last_latency = 0.0
        self._pending: list[tuple[float, int, int, float]] = []  # done at, look, frame, latency
        self._untold: list[tuple[float, int, int, float]] = []
        self._told: list[tuple[int, Outcome]] = []
        self._shown: tuple[int, int] | None = None  # look, frame
        self._ages = np.zeros(0)
        self._features.begin()

    def _look(self, mode: PlanMode) -> tuple[float, bool]:
        """Queue an inference; return the time it takes and whether it comes too late."""
        noise = float(self.np_random.standard_normal())
        if mode == "skip" or self._free_at - self._frame > MOST_BACKLOG:
            return 0.0, False
        used = self.device.seconds(mode, self._trace.costs, self._t, noise)
        done = max(self._free_at, float(self._frame)) + used
        self._free_at = done
        item = (done, LOOKS.index(mode), self._frame, used)
        self._pending.append(item)
        self._untold.append(item)
        return used, done - self._frame > self.device.budget

    def _take_finished(self, until: float, *, only_shown: bool) -> None:
        """Show what is done; count what it took unless that is for later."""
        while self._pending and self._pending[0][0] <= until:
            _, look, frame, _ = self._pending.pop(0)
            self._show(look, frame)
        if only_shown:
            return
        self._told = []
        while self._untold and self._untold[0][0] <= until:
            _, look, frame, used = self._untold.pop(0)
            found = len(self._trace.found[LOOKS[look]][self._start + frame])
            outcome = Outcome(InferencePlan(LOOKS[look]), used, found)
            self._features.observe(outcome)
            self._told.append((self._t - self._frame + frame, outcome))
            self._last_latency = used

    def _show(self, look: int, frame: int) -> None:
        before, since = self._shown_detections(), self._shown
        self._shown = (look, frame)
        now, ages = self._shown_detections(), np.zeros(0)
        if len(now):
            ages = np.zeros(len(now))
            if since is not None and len(before):
                overlaps = iou_matrix(now.boxes, before.boxes)
                nearest = overlaps.argmax(1)
                old = self._ages[nearest] + frame - since[1]
                ages = np.where(overlaps.max(1) >= 0.3, old, 0.0)
        self._ages = ages

    def _shown_detections(self) -> Detections:
        if self._shown is None:
            return Detections.empty(self._trace.found["full"][0].classes)
        look, frame = self._shown
        return self._trace.found[LOOKS[look]][self._start + frame]

    def _recall(self) -> float:
        index = self._start + self._frame
        if self._shown is None:
            return float(not len(self._trace.found["sliced"][index]))
        look, frame = self._shown
        age = min(self._frame - frame, HORIZON - 1)
        return float(self._table[look, self._start + frame, age])

    def _hoped(self, mode: PlanMode) -> float:
        if mode == "skip":
            return self._recall()
        if mode not in self.offered:
            return -1.0
        used = self.device.seconds(mode, self._trace.costs, self._t, 0.0)
        done = max(self._free_at, float(self._frame)) + used - self._frame
        if done > self.device.budget:
            return self._recall() - MISS_PRICE
        return float(self._table[LOOKS.index(mode), self._start + self._frame, 0])
