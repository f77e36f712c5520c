"""The policy trained on recorded clips and drawn devices, run by ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.paths import SCHEDULER_POLICY
from drivemeta.plugins.scheduler.features import MODES, N_FEATURES, SchedulerFeatures
from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    SchedulerState,
)


class RL2:
    """Chooses by a recurrent policy whose memory takes the place of gradients.

    Duan, Schulman, Chen, Bartlett, Sutskever, Abbeel: RL^2, 2016, arXiv 1611.02779; also Wang et
    al.: Learning to reinforcement learn, 2016, arXiv 1611.05763. What differs: the reward fed back
    is the part of it that a running system sees, the price of inferences over the budget; the best
    action is taken, none is drawn; and the quickest inference is run after `max_gap` frames without
    one, since a machine that is too slow for every inference may be so no longer.

    Args:
        max_latency_ms: Time an inference may take; None for the limit of the run, and where it has
            none for the time between two frames.
        max_gap: Greatest number of frames between two inferences.
        model: Another policy, by `drivemeta.training.schedulers.export`; None for the shipped one.
        context: Context of the run: the modes that it offers, and its limit.

    Raises:
        InputError: the time is out of range, or the file holds no policy for these features.
    """

    def __init__(
        self,
        max_latency_ms: float | None = None,
        max_gap: int = 5,
        model: Path | None = None,
        context: RunContext = NO_RUN,
    ) -> None:
        limit = context.max_latency_ms if max_latency_ms is None else max_latency_ms
        if limit is not None and limit <= 0:
            raise InputError(f"rl2.max_latency_ms: expected more than 0, found {limit}")
        if max_gap < 1:
            raise InputError(f"rl2.max_gap: expected 1 or more, found {max_gap}")
        self._max_gap = self._gap = max_gap
        self._given_s = None if limit is None else limit / 1000
        self._modes = modes = context.modes
        self._quickest = next(mode for mode in MODES if mode != "skip" and mode in modes)
        self._barred = np.array([mode not in modes for mode in MODES])
        self._session = _open(model or SCHEDULER_POLICY)
        self._shape = self._session.get_inputs()[1].shape
        self._features, self._live = SchedulerFeatures(1.0, modes), False
        self._hidden = self._cell = np.zeros(self._shape, np.float32)

    def reset(self, stream: StreamInfo) -> None:
        """Forget all, and take in the time between two frames."""
        self._live = stream.live
        budget_s = self._given_s or 1 / max(stream.fps, 1e-3)
        self._features, self._gap = SchedulerFeatures(budget_s, self._modes), self._max_gap
        self._hidden = self._cell = np.zeros(self._shape, np.float32)

    def act(self, state: SchedulerState) -> InferencePlan:
        """Choose the best mode of those offered; the first frame is always looked at."""
        if not self._live:  # frames of a file always wait, and none is late for it
            state = replace(state, queue_length=0)
        observation = self._features.vector(state)[None]
        feeds = {"observation": observation, "hidden": self._hidden, "cell": self._cell}
        logits, self._hidden, self._cell = self._session.run(None, feeds)
        mode = MODES[int(np.where(self._barred, -np.inf, logits[0]).argmax())]
        self._gap += 1
        if mode == "skip" and self._gap > self._max_gap and state.queue_length == 0:
            mode = self._quickest
        self._gap = self._gap if mode == "skip" else 0
        self._features.act(mode)
        return InferencePlan(mode)

    def observe(self, frame_index: int, outcome: Outcome) -> None:  # noqa: ARG002  (the protocol)
        """Take in how long an inference took."""
        self._features.observe(outcome)


def _open(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file"
        raise InputError(f"rl2.model: expected a policy at {path}, found {found}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    inputs = {each.name: each.shape for each in session.get_inputs()}
    if inputs.get("observation") != [1, N_FEATURES] or not {"hidden", "cell"} <= set(inputs):
        raise InputError(
            f"{path}: expected a policy of {N_FEATURES} features with its memory as input, found "
            f"inputs {inputs}"
        )
    return session
