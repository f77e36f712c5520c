"""What a plugin of each kind must be able to do: one protocol a kind, learners' in its own module.

Only the typing of torch values needs torch, so this module never imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from drivemeta.core.run import PlanMode
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.detector.protocol import DetectorPlugin
from drivemeta.plugins.learner.protocol import Learner

if TYPE_CHECKING:
    from drivemeta.core import Detections, Frame, Tracks

Kind = Literal["learner", "detector", "source", "tracker", "sink", "scheduler"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class SourceCounts:
    """What a source has met with so far.

    Attributes:
        n_corrupt: Packets, messages or files that could not be decoded and were passed over.
        n_reconnects: Times that a stream was connected to again.
        ended_early: The source gave fewer frames than it announced; known once it has ended.
    """

    n_corrupt: int = 0
    n_reconnects: int = 0
    ended_early: bool = False


@dataclass(frozen=True)
class InferencePlan:
    """How to perceive one frame: `skip` keeps the tracks and runs no network."""

    mode: PlanMode = "full"


@dataclass(frozen=True)
class SchedulerState:
    """What a running pipeline knows when it must decide on a frame.

    Attributes:
        frame_index: the frame to decide on.
        time_s: its presentation time.
        latency_s: seconds of the last inference that finished, 0 before the first.
        queue_length: frames that wait for inference.
        n_tracks: confirmed tracks at present.
        since_full: frames since the last full or sliced look.
        mean_age: frames that the confirmed tracks have been followed for, their mean.
        mean_score: of the objects at the last look.
        difference: mean absolute difference of the frame's pixels to the frame before, in [0, 1].
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
        plan: that was carried out.
        latency_s: seconds its frame took, the mean over its batch; 0 where nothing was run.
        n_detections: what was found.
    """

    plan: InferencePlan
    latency_s: float
    n_detections: int


class Source(Protocol):
    """Gives frames in order; a context that is closed when the run ends."""

    def info(self) -> StreamInfo:
        """Describe the stream; `classes` is left empty."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of presentation."""

    def counts(self) -> SourceCounts:
        """Return what went wrong so far; `SourceCounts()` of a source that counts nothing.

        It may be called at any time, after `close` too, and by another thread than the one that
        iterates.
        """

    def close(self) -> None:
        """Release the file or device; may be called twice.

        Of a live source it may be called while another thread iterates, and ends that soon.
        """


class Tracker(Protocol):
    """Gives the objects of successive frames their identities."""

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Take one frame's detections, in order, and return them with identities."""

    def reset(self) -> None:
        """Forget everything, as before the first frame."""


class Sink(Protocol):
    """Writes results; nothing stands under its final name before `close`.

    After a kill, a new object is opened at the last commit of the old one; what was written after
    that commit is thrown away and written again. A sink that cannot go on begins anew.
    """

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin writing, or go on; frames before `resume_at` were committed by an earlier run.

        Asked next, `commit` tells the frame it really goes on from: 0 if it begins anew.
        """

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take one frame's result, in order."""

    def commit(self) -> int:
        """Make what was written durable; return the frame that a new run would go on from."""

    def close(self) -> list[Path]:
        """Finish; return the files written. May be called twice."""

    def abort(self) -> None:
        """Release everything without finishing; what was committed stays. May be called twice."""


class Scheduler(Protocol):
    """Decides for each frame how much to look."""

    def reset(self, stream: StreamInfo) -> None:
        """Begin a stream."""

    def act(self, state: SchedulerState) -> InferencePlan:
        """Choose the plan for the next frame."""

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        """Learn what a plan cost and found; may arrive late."""


PROTOCOLS: dict[Kind, type] = {
    "learner": Learner,
    "detector": DetectorPlugin,
    "source": Source,
    "tracker": Tracker,
    "sink": Sink,
    "scheduler": Scheduler,
}
