"""Where the time of a run goes: seconds and frames of each stage."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")
STAGES = ("decode", "infer", "track", "write")


@dataclass
class StageClock:
    """Seconds at work and frames of each stage.

    Attributes:
        seconds: Seconds by stage.
        frames: Frames by stage.
        dropped: Frames of a live source that gave way to newer ones.
        threads: Threads of each stage; its seconds are the sum over them.
        live: Whether the source has a pace of its own, so that decoding is mostly waiting for it.

    >>> clock = StageClock()
    >>> list(clock.timed("decode", "ab"))
    ['a', 'b']
    >>> clock.frames["decode"]
    2
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    frames: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    dropped: int = 0
    threads: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 1))
    live: bool = False

    @contextmanager
    def time(self, stage: str, n_frames: int = 1) -> Iterator[None]:
        """Count what happens inside towards a stage."""
        started = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - started, n_frames)

    def add(self, stage: str, seconds: float, n_frames: int) -> None:
        """Count seconds and frames towards a stage; by one thread a stage only."""
        self.seconds[stage] += seconds
        self.frames[stage] += n_frames

    def timed(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items and count the time that each takes to come."""
        stream = iter(items)
        while True:
            started = time.perf_counter()
            try:
                item = next(stream)
            except StopIteration:
                return
            self.add(stage, time.perf_counter() - started, 1)
            yield item

    def busy(self, stage: str) -> float:
        """Return the seconds that each of a stage's threads was at work, on average."""
        return self.seconds[stage] / self.threads[stage]

    def bottleneck(self) -> str | None:
        """Return the stage whose threads were at work the longest, None before any was.

        Of a live source that is never decoding: how much of its seconds was waiting is not known.
        """
        stages = [stage for stage in self.seconds if not (self.live and stage == "decode")]
        stage = max(stages, key=self.busy)
        return stage if self.seconds[stage] else None
