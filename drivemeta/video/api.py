"""Processing a stream: as an iterator for programs, and to the end with sinks for the command."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Detections, Frame, Tracks
from drivemeta.errors import InputError, suggest
from drivemeta.plugins.protocols import Sink, Source
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.pipeline import Pipeline


@dataclass(frozen=True)
class Options:
    """How a stream is processed.

    Attributes:
        tracker: name of a tracker plugin.
        every: the network looks at every Nth frame.
        batch: most frames a run of the network.
        min_score: threshold in place of every class's own.
        classes: only these are kept; None for all.
        provider: of ONNX Runtime.
    """

    tracker: str = "botsort"
    every: int = 1
    batch: int = 1
    min_score: float | None = None
    classes: tuple[str, ...] | None = None
    provider: str = "auto"


@dataclass
class RunSummary:
    """What came of a run.

    Attributes:
        frames: processed.
        seconds: of wall-clock time, the model's loading not counted.
        provider: that really ran the model.
        detections: by class name.
        tracks: distinct identities.
        corrupt: packets or files that could not be decoded.
        ended_early: the source gave fewer frames than it announced.
        interrupted: the user ended the run.
        files: written by the sinks.
    """

    frames: int = 0
    seconds: float = 0.0
    provider: str = ""
    detections: Counter[str] = field(default_factory=Counter)
    tracks: int = 0
    corrupt: int = 0
    ended_early: bool = False
    interrupted: bool = False
    files: list[Path] = field(default_factory=list)

    @property
    def fps(self) -> float:
        """Frames a second over the whole run."""
        return self.frames / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "provider": self.provider,
            "detections": dict(self.detections.most_common()),
            "tracks": self.tracks,
            "corrupt": self.corrupt,
            "ended_early": self.ended_early,
            "interrupted": self.interrupted,
            "files": [str(path) for path in self.files],
        }


def open_source(place: str | Path, registry: Registry | None = None) -> Source:
    """Return the source for a place: a video file, or a folder of images.

    Raises:
        VideoError: there is nothing that can be read.
    """
    registry = registry or default_registry()
    kind = "images" if Path(place).is_dir() else "file"
    source: Source = registry.create("source", kind, path=place)
    return source


def process(
    source: str | Path | Source,
    model: str | Path | None = None,
    options: Options | None = None,
) -> Iterator[tuple[Frame, Tracks]]:
    """Detect and track in a stream.

    Args:
        source: a video file, a folder of images, or a source plugin's object.
        model: an exported ONNX model; None for the shipped base.
        options: how.

    Yields:
        Every frame, in order, with its tracks in pixels of the frame.

    Raises:
        VideoError: the source cannot be read.
        ModelFileError: the model cannot.
    """
    opened = open_source(source) if isinstance(source, str | Path) else source
    options = options or Options()
    detector = _detector(model, options)
    yield from _pipeline(detector, options).run(opened)


def run(
    source: Source,
    model: str | Path | None,
    sinks: Sequence[Sink],
    options: Options,
    advance: Callable[[int, int | None], None] | None = None,
) -> RunSummary:
    """Process a stream to its end, into sinks, and sum up.

    An interrupt (SIGINT) ends the run early and closes the sinks; after an error they keep their
    unfinished files under other names than the final ones.

    Args:
        source: of the frames.
        model: an exported ONNX model; None for the shipped base.
        sinks: get every frame's tracks.
        options: how.
        advance: called after each frame with the number of frames done and, if known, of all.

    Raises:
        DriveMetaError: whatever a stage raises.
    """
    detector = _detector(model, options)
    info = replace(source.info(), classes=detector.classes)
    summary = RunSummary(provider=detector.provider)
    identities: set[int] = set()
    started = time.perf_counter()
    pipeline = _pipeline(detector, options)
    for sink in sinks:
        sink.open(info, 0)
    try:
        with closing(pipeline.run(source)) as results:
            for frame, tracks in results:
                for sink in sinks:
                    sink.write(frame, tracks)
                summary.frames += 1
                summary.detections.update(tracks.detections.names)
                identities.update(int(i) for i in tracks.ids if i != UNTRACKED)
                if advance is not None:
                    advance(summary.frames, info.n_frames)
    except KeyboardInterrupt:
        summary.interrupted = True
    for sink in sinks:
        summary.files.extend(sink.close())
    summary.seconds = time.perf_counter() - started
    summary.tracks = len(identities)
    summary.corrupt = getattr(source, "n_corrupt", 0)
    summary.ended_early = getattr(source, "ended_early", False)
    return summary


def _detector(model: str | Path | None, options: Options) -> OnnxDetector:
    if model is None:
        from drivemeta.export import base_onnx  # noqa: PLC0415  (writes the base once, with torch)

        model = base_onnx()
    return OnnxDetector(model, provider=options.provider)


def _pipeline(detector: OnnxDetector, options: Options) -> Pipeline:
    registry = default_registry()
    return Pipeline(
        detect=lambda frames: detector(frames, options.min_score),
        tracker=registry.create("tracker", options.tracker),
        scheduler=registry.create("scheduler", "fixed", every=options.every),
        batch=options.batch,
        keep=_keeper(options.classes, detector.classes),
    )


def _keeper(
    wanted: tuple[str, ...] | None, known: tuple[str, ...]
) -> Callable[[Detections], NDArray[np.bool_]] | None:
    if wanted is None:
        return None
    for name in wanted:
        if name not in known:
            raise InputError(f"--classes: the model has no class {name!r}; {suggest(name, known)}")
    labels = [known.index(name) for name in wanted]
    return lambda detections: np.isin(detections.labels, labels)
