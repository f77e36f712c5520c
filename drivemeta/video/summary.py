"""What came of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivemeta.core import UNTRACKED, Tracks
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.stage_clock import StageClock


class Identities:
    """Distinct numbers from 0 on, a bit each: a camera that is live for weeks has millions."""

    def __init__(self) -> None:
        self._parts: dict[int, int] = {}

    def add(self, number: int) -> None:
        """Take in a number."""
        part, bit = divmod(number, 1024)
        self._parts[part] = self._parts.get(part, 0) | 1 << bit

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self._parts.values())


@dataclass
class RunSummary:
    """What came of a run.

    Attributes:
        frames: Frames processed.
        resumed: Frames of these that were taken over from an earlier run that was cut off.
        seconds: Seconds of wall-clock time, the model's loading not counted.
        first_frame_s: Seconds until the first frame was done.
        provider: Provider that really ran the model.
        detections: Detections by class name.
        identities: Identities that were seen.
        corrupt: Packets or files that could not be decoded.
        reconnects: Reconnects of a stream.
        ended_early: Whether the source gave fewer frames than it announced.
        notes: What a user should know of how the source was read, and of what sinks left out.
        interrupted: Whether the user ended the run.
        files: Files written by the sinks.
        clock: Seconds and frames of each stage, and frames dropped.
        run: Digest of all that the results depend on.
    """

    frames: int = 0
    resumed: int = 0
    seconds: float = 0.0
    first_frame_s: float = 0.0
    provider: str = ""
    detections: Counter[str] = field(default_factory=Counter)
    identities: Identities = field(default_factory=Identities)
    corrupt: int = 0
    reconnects: int = 0
    ended_early: bool = False
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    files: list[Path] = field(default_factory=list)
    clock: StageClock = field(default_factory=StageClock)
    run: str = ""

    @property
    def fps(self) -> float:
        """Frames a second over the whole run."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def tracks(self) -> int:
        """Number of distinct identities."""
        return len(self.identities)

    def add(self, tracks: Tracks, counts: SourceCounts, seconds: float) -> None:
        """Count one frame.

        Args:
            tracks: Tracks of the frame.
            counts: Counts of the source so far.
            seconds: Seconds since the start.
        """
        self.take_counts(counts)
        self.seconds = seconds
        self.first_frame_s = self.first_frame_s or seconds
        self.frames += 1
        self.detections.update(tracks.detections.names)
        for number in tracks.ids[tracks.ids != UNTRACKED].tolist():
            self.identities.add(number)

    def take_counts(self, counts: SourceCounts) -> None:
        """Take over what the source counts."""
        self.corrupt = counts.n_corrupt
        self.reconnects = counts.n_reconnects
        self.ended_early = counts.ended_early
        self.notes = counts.notes

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        clock = self.clock
        return {
            "frames": self.frames,
            "resumed": self.resumed,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "first_frame_s": round(self.first_frame_s, 3),
            "provider": self.provider,
            "detections": dict(self.detections.most_common()),
            "tracks": self.tracks,
            "corrupt": self.corrupt,
            "dropped": clock.dropped,
            "reconnects": self.reconnects,
            "ended_early": self.ended_early,
            "notes": list(self.notes),
            "interrupted": self.interrupted,
            "stages": {
                name: {
                    "frames": clock.frames[name],
                    "seconds": round(clock.seconds[name], 3),
                    "threads": clock.threads[name],
                }
                for name in clock.seconds
            },
            "bottleneck": clock.bottleneck(),
            "files": [str(path) for path in self.files],
            "run": self.run,
        }
