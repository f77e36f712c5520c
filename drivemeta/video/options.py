"""How a stream is processed, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivemeta.core import UNTRACKED, Tracks
from drivemeta.plugins.settings import Settings
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.runtime.slicing import Merging
from drivemeta.video.stages import StageClock


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a stream is processed.

    Attributes:
        tracker: name of a tracker plugin.
        every: the network looks at every Nth frame.
        batch: most frames a run of the network.
        min_score: threshold in place of every class's own.
        classes: only these are kept; None for all.
        provider: of ONNX Runtime.
        start_s: seconds of the stream that are passed over.
        end_s: where the stream is left; None for its end.
        roi: x1, y1, x2, y2 of the region the network sees, in pixels of the frame, or in parts of
            its width and height where none is above 1; None for all of it.
        tiles: rows and columns of overlapping tiles that are looked at beside the whole frame,
            for what is small and far; None for the frame alone.
        tile_merge: `nms` or `wbf`, how the looks are merged.
        max_latency_ms: of a live source, frames that would be older than this when they are done
            are not looked at; None for no limit.
        workers: frames looked at side by side on CPUs, where the results come in order all the
            same; None for what suits the machine.
        scheduler: name of the scheduler plugin that chooses how each frame is looked at.
        small_model: path of the same model exported with a smaller input, for schedulers that
            look less closely at times; None for none.
        settings: parameters of the source, tracker, scheduler and sinks, by plugin and name.
    """

    tracker: str = "botsort"
    every: int = 1
    batch: int = 1
    min_score: float | None = None
    classes: tuple[str, ...] | None = None
    provider: str = "auto"
    start_s: float = 0.0
    end_s: float | None = None
    roi: tuple[float, float, float, float] | None = None
    tiles: tuple[int, int] | None = None
    tile_merge: Merging = "nms"
    max_latency_ms: float | None = None
    workers: int | None = None
    scheduler: str = "fixed"
    small_model: str | None = None
    settings: Settings = field(default_factory=dict)


@dataclass
class RunSummary:
    """What came of a run.

    Attributes:
        frames: processed.
        resumed: of these, taken over from an earlier run that was cut off.
        seconds: of wall-clock time, the model's loading not counted.
        first_frame_s: seconds until the first frame was done.
        provider: that really ran the model.
        detections: by class name.
        tracks: distinct identities.
        corrupt: packets or files that could not be decoded.
        reconnects: of a stream.
        ended_early: the source gave fewer frames than it announced.
        interrupted: the user ended the run.
        files: written by the sinks.
        clock: seconds and frames of each stage, and frames dropped.
        run: digest of all that the results depend on.
    """

    frames: int = 0
    resumed: int = 0
    seconds: float = 0.0
    first_frame_s: float = 0.0
    provider: str = ""
    detections: Counter[str] = field(default_factory=Counter)
    identities: set[int] = field(default_factory=set)
    corrupt: int = 0
    reconnects: int = 0
    ended_early: bool = False
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

    def add(self, tracks: Tracks) -> None:
        """Count one frame."""
        self.frames += 1
        self.detections.update(tracks.detections.names)
        self.identities.update(int(i) for i in tracks.ids if i != UNTRACKED)

    def take_counts(self, counts: SourceCounts) -> None:
        """Take over what the source counts."""
        self.corrupt = counts.n_corrupt
        self.reconnects = counts.n_reconnects
        self.ended_early = counts.ended_early

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
