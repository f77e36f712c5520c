"""What a scheduler plugin must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drivemeta.core.run import PlanMode
from drivemeta.core.stream import StreamInfo


@dataclass(frozen=True)
class InferencePlan:
    """How to perceive one frame: `skip` keeps the tracks and runs no network."""

    mode: PlanMode = "full"


@dataclass(frozen=True)
class SchedulerState:
    """What a running pipeline knows when it must decide on a frame.

    Attributes:
        frame_index: Index of the frame to decide on.
        time_s: Presentation time of the frame in seconds.
        latency_s: Seconds that the last finished inference took, 0 before the first.
        queue_length: Number of frames that wait for inference.
        n_tracks: Number of confirmed tracks at present.
        since_full: Number of frames since the last full or sliced inference.
        mean_age: Number of frames that the confirmed tracks have been followed for, their mean.
        mean_score: Mean score of the objects at the last inference.
        difference: Mean absolute difference of the frame's pixels to the frame before, in [0, 1].
    """

    frame_index: int
    time_s: float
    latency_s: float = 0.0
    queue_length: int = 0
    n_tracks: int = 0
    since_full: int = 0
    mean_age: float = 0.0
    mean_score: float = 0.0
    difference: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of one plan.

    Attributes:
        plan: Plan that was carried out.
        latency_s: Seconds its frame took, the mean over its batch; 0 where nothing was run.
        n_detections: Number of objects found.
    """

    plan: InferencePlan
    latency_s: float
    n_detections: int


class Scheduler(Protocol):
    """Decides for each frame which inference to run, if any."""

    def reset(self, stream: StreamInfo) -> None:
        """Begin a stream."""

    def act(self, state: SchedulerState) -> InferencePlan:
        """Choose the plan for the next frame."""

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """Learn what a plan cost and found; may arrive late."""
