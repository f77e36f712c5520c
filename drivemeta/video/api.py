"""Processing a stream: as an iterator for programs, and to the end with sinks for the command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import DriveMetaError
from drivemeta.plugins.calling import Calling, counts_of, info_of
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.source.protocol import Source
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.builder import build_pipeline, clipped, run_context
from drivemeta.video.journal import Journal
from drivemeta.video.opening import load_detector, open_source
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline
from drivemeta.video.signals import stop_on_signals
from drivemeta.video.summary import RunSummary

__all__ = ["Options", "RunSummary", "load_detector", "open_source", "process", "run"]

Advance = Callable[[RunSummary, int | None], None]
COMMIT_S = 2.0  # seconds between commits of the sinks: as much work is done again after a kill


def process(
    source: str | Path | Source,
    model: str | Path | OnnxDetector | None = None,
    options: Options | None = None,
    registry: Registry | None = None,
) -> Iterator[tuple[Frame, Tracks]]:
    """Detect and track in a stream.

    Args:
        source: a video file, a folder of images, or a source plugin's object.
        model: An exported ONNX model, a detector that is loaded already, or None for the shipped
            base. Classes that are fed to the detector meanwhile (`set_bank`) are detected from the
            next frame on that is looked at; some frames are looked at ahead.
        options: How; of a detector, the provider is its own.
        registry: Of the plugins; the default one if None.

    Yields:
        Every frame, in order, with its tracks in pixels of the frame.

    Raises:
        VideoError: the source cannot be read.
        ModelFileError: the model cannot.
    """
    options, registry = options or Options(), registry or default_registry()
    if isinstance(source, str | Path):
        source = open_source(source, registry, options.settings)
    source = clipped(source, options)
    detector, options = load_detector(model, options, live=info_of(source).live)
    context = run_context(detector, options)
    yield from build_pipeline(detector, options, context, registry).run(source)


def run(
    source: Source,
    pipeline: Pipeline,
    sinks: Sequence[Sink],
    advance: Advance | None = None,
    journal: Journal | None = None,
) -> RunSummary:
    """Process a stream to its end, into sinks, and sum up.

    A signal (SIGINT, SIGTERM) ends the run early and closes the sinks. After an error they are
    aborted: their unfinished files stay under other names than the final ones.

    Args:
        source: of the frames.
        pipeline: Detects and tracks.
        sinks: get every frame's tracks.
        advance: called after each frame with the summary so far and, if known, the number of all
            frames.
        journal: makes the run one that can be gone on with; removed once the sinks are closed,
            unless the run was interrupted, and after an error before the first frame.

    Raises:
        DriveMetaError: whatever a stage raises.
    """
    info = replace(info_of(source), classes=pipeline.classes)
    summary = RunSummary(provider=pipeline.provider, clock=pipeline.clock)
    if journal is not None:
        pipeline, summary.resumed = pipeline.going_on(journal), len(journal.records)
    started = time.perf_counter()
    try:
        writer = _Writer(sinks, info, journal)
        with stop_on_signals() as stop, closing(pipeline.run(source)) as results:
            for frame, tracks in stop.until_asked(results):
                with pipeline.clock.time("write"):
                    writer.write(frame, tracks)
                summary.add(tracks)
                summary.first_frame_s = summary.first_frame_s or time.perf_counter() - started
                summary.take_counts(counts_of(source))
                if advance is not None:
                    advance(summary, info.n_frames)
            summary.interrupted = stop.asked
            summary.files = writer.close()
    except BaseException as error:
        _abort(sinks, error)
        if journal is not None:
            journal.close() if summary.frames or summary.resumed else journal.remove()
        raise
    summary.seconds = time.perf_counter() - started
    summary.take_counts(counts_of(source))
    if journal is not None:
        journal.close() if summary.interrupted else journal.remove()
    return summary


class _Writer:
    """Hands frames to the sinks, and lets them commit from time to time."""

    def __init__(self, sinks: Sequence[Sink], info: StreamInfo, journal: Journal | None) -> None:
        self._sinks, self._journal = sinks, journal
        committed = journal.committed if journal else []
        for i, sink in enumerate(sinks):
            with Calling(sink, "open"):
                sink.open(info, committed[i] if i < len(committed) else 0)
        self._writing = [Calling(sink, "write") for sink in sinks]
        self._starts = [_commit(sink) for sink in sinks] if committed else [0] * len(sinks)
        self._committed_at = time.monotonic()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        for sink, start, writing in zip(self._sinks, self._starts, self._writing, strict=True):
            if frame.index >= start:
                with writing:
                    sink.write(frame, tracks)
        if self._journal is not None and time.monotonic() - self._committed_at > COMMIT_S:
            self._commit(self._journal)

    def close(self) -> list[Path]:
        if self._journal is not None:
            self._commit(self._journal)
        return [path for sink in self._sinks for path in _close(sink)]

    def _commit(self, journal: Journal) -> None:
        journal.sync()
        journal.commit([_commit(sink) for sink in self._sinks])
        self._committed_at = time.monotonic()


def _abort(sinks: Sequence[Sink], error: BaseException) -> None:
    """Abort every sink; what one raises meanwhile is noted on the error that ended the run."""
    for sink in sinks:
        try:
            with Calling(sink, "abort"):
                sink.abort()
        except DriveMetaError as failed:
            error.add_note(f"and then: {failed}")


def _commit(sink: Sink) -> int:
    committing = Calling(sink, "commit")
    with committing:
        return committing.returned(sink.commit(), int)


def _close(sink: Sink) -> list[Path]:
    finishing = Calling(sink, "close")
    with finishing:
        return [finishing.returned(path, Path) for path in finishing.returned(sink.close(), list)]
