"""How a stream is processed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivemeta.plugins.settings import Settings
from drivemeta.runtime.slicing import Merging


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
