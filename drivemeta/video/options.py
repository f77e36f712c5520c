"""How a stream is processed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivemeta.plugins.settings import Settings
from drivemeta.runtime.slicing import Merging


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a stream is processed.

    Attributes:
        tracker: Name of a tracker plugin.
        every: N, where the network runs on every Nth frame.
        batch: Most frames in one run of the network.
        min_score: Threshold in place of every class's own.
        classes: Classes to keep; None for all.
        provider: Provider of ONNX Runtime.
        start_s: Seconds of the stream that are passed over.
        end_s: Second at which the stream is left; None for its end.
        roi: Region that the network sees as x1, y1, x2, y2, in pixels of the frame, or in parts of
            its width and height where none is above 1; None for all of it.
        tiles: Rows and columns of overlapping tiles that the network runs on beside the whole
            frame, for what is small and far; None for the frame alone.
        tile_merge: Way of merging the detections of tiles and frame: `nms` or `wbf`.
        max_latency_ms: Most milliseconds that a frame of a live source may be old when it is done;
            the network does not run on those that would be older; None for no limit.
        workers: Frames processed side by side on CPUs, where the results come in order all the
            same; None for what suits the machine.
        scheduler: Name of the scheduler plugin that chooses the inference of each frame.
        small_model: Path of the same model exported with a smaller input, for schedulers that
            use it at times; None for none.
        settings: Parameters of the source, tracker, scheduler and sinks, by plugin and name.
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
