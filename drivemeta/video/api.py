"""Processing a stream: as an iterator for programs, and to the end with sinks for the command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from drivemeta.core import Frame, Tracks
from drivemeta.errors import DriveMetaError
from drivemeta.plugins.calling import Calling, counts_of, info_of
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.source.protocol import Source
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.builder import build_pipeline, clipped, run_context
from drivemeta.video.journal import Journal
from drivemeta.video.opening import detector_for, open_source
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline
from drivemeta.video.signals import stop_on_signals
from drivemeta.video.sink_writer import SinkWriter
from drivemeta.video.summary import RunSummary

Advance = Callable[[RunSummary, int | None], None]


def unheard(summary: RunSummary, n_frames: int | None) -> None:
    """Take no notice of how a run gets on."""


def process(
    source: str | Path | Source,
    model: str | Path | OnnxDetector | None = None,
    options: Options | None = None,
    registry: Registry | None = None,
) -> Iterator[tuple[Frame, Tracks]]:
    """Detect and track in a stream.

    Args:
        source: Video file, a folder of images, or a source plugin's object.
        model: An exported ONNX model, a detector that is loaded already, or None for the shipped
            base. Classes that are fed to the detector meanwhile (`set_bank`) are detected from the
            next inference on; a few frames are processed ahead.
        options: Options of the processing; the provider of a detector is its own.
        registry: Registry of the plugins; the default one if None.

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
    detector, options = detector_for(model, options, live=info_of(source).live)
    context = run_context(detector, options)
    yield from build_pipeline(detector, options, context, registry).run(source)


def run(
    source: Source,
    pipeline: Pipeline,
    sinks: Sequence[Sink],
    advance: Advance = unheard,
    journal: Journal | None = None,
) -> RunSummary:
    """Process a stream to its end, into sinks, and sum up.

    A signal (SIGINT, SIGTERM) ends the run early and closes the sinks. After an error they are
    aborted: their unfinished files stay under other names than the final ones.

    Args:
        source: Source of the frames.
        pipeline: Detects and tracks.
        sinks: Sinks that get every frame's tracks.
        advance: Function called after each frame with the summary so far and, if known, the number
            of all frames.
        journal: Journal by which an unfinished run can be continued; removed once the sinks are
            closed, unless the run was interrupted, and after an error before the first frame.

    Raises:
        DriveMetaError: whatever a stage raises.
    """
    info = replace(info_of(source), classes=pipeline.classes)
    summary = RunSummary(provider=pipeline.provider, clock=pipeline.clock)
    if journal is not None:
        pipeline, summary.resumed = pipeline.going_on(journal), len(journal.records)
    started = time.perf_counter()
    with (
        _aborting(sinks, journal, summary),
        stop_on_signals() as stop,
        closing(pipeline.run(source)) as results,
    ):
        asked = stop.until_asked(results)
        first = list(islice(asked, 1))  # where there is none, no file is begun
        writer = SinkWriter(sinks, info, journal)
        for frame, tracks in chain(first, asked):
            with pipeline.clock.time("write"):
                writer.write(frame, tracks)
            summary.add(tracks, counts_of(source), time.perf_counter() - started)
            advance(summary, info.n_frames)
        summary.interrupted = stop.asked
        summary.files = writer.close()
    summary.seconds = time.perf_counter() - started
    summary.take_counts(counts_of(source))
    _leave(journal, keep=summary.interrupted)
    return summary


@contextmanager
def _aborting(
    sinks: Sequence[Sink], journal: Journal | None, summary: RunSummary
) -> Iterator[None]:
    """Abort the sinks after an error; the journal stays if it holds frames."""
    try:
        yield
    except BaseException as error:
        _abort(sinks, error)
        _leave(journal, keep=bool(summary.frames or summary.resumed))
        raise


def _abort(sinks: Sequence[Sink], error: BaseException) -> None:
    """Abort every sink; what one raises meanwhile is noted on the error that ended the run."""
    for sink in sinks:
        try:
            with Calling(sink, "abort"):
                sink.abort()
        except DriveMetaError as failed:
            error.add_note(f"and then: {failed}")


def _leave(journal: Journal | None, *, keep: bool) -> None:
    if journal is not None:
        journal.close() if keep else journal.remove()
