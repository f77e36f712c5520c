"""What a run tells the plugins that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PlanMode = Literal["skip", "small", "full", "sliced"]


CONTEXT = "context"  # a tracker, sink or scheduler that has this parameter is given the run's


def untold(_note: str) -> None:
    """Let a note go, where nobody reads it."""


@dataclass(frozen=True)
class RunContext:
    """What a run gives to the trackers, sinks and schedulers that have a parameter `context`.

    Attributes:
        folder: Folder of the run, where sinks write.
        families: Super-class of each class by name, itself for a super-class; None if unknown. It
            follows the bank, which may be set while the run lasts.
        tracker: Name of the tracker; `none` gives no identities, an empty one is not known.
        every: N, where the network runs on every Nth frame.
        mode: Mode of inference where the scheduler has no better idea: `full`, or `sliced`.
        modes: Modes that the run offers, cheapest first.
        max_latency_ms: Age in milliseconds that a frame may have when it is done; None for any.
        source: Name of the source plugin; an empty one is not known.
        place: File, folder or address that it reads.
        tell: Function that takes a sentence which a user should read at the end of the run.
    """

    folder: Path = Path()
    families: Mapping[str, str] | None = None
    tracker: str = ""
    every: int = 1
    mode: PlanMode = "full"
    modes: tuple[PlanMode, ...] = ("skip", "full")
    max_latency_ms: float | None = None
    source: str = ""
    place: str = ""
    tell: Callable[[str], None] = untold


NO_RUN = RunContext()  # for a plugin that is built outside a run
