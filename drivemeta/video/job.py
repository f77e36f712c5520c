"""One stream processed into one folder: everything built from names, checked, run, summed up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivemeta.errors import InputError
from drivemeta.files import run_folder, write_text
from drivemeta.plugins.calling import info_of
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.settings import check_settings, create_with
from drivemeta.video.api import Advance, run, unheard
from drivemeta.video.builder import build_pipeline, clipped, run_context
from drivemeta.video.journal import NAME as JOURNAL_NAME
from drivemeta.video.journal import Journal
from drivemeta.video.metrics import Metrics, served
from drivemeta.video.opening import (
    detector_for,
    model_path,
    open_source,
    source_kind,
)
from drivemeta.video.options import Options
from drivemeta.video.run_identity import run_identity
from drivemeta.video.summary import RunSummary

SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class Job:
    """What one run does.

    Attributes:
        source: File, folder or address: whatever `open_source` takes.
        out: Folder of the run.
        model: Exported ONNX model; None for the shipped base.
        sinks: Names of the sink plugins.
        options: Options of the processing.
        fresh: Whether to begin anew where an unfinished run was left.
        cores: Cores that the run may use; None for all.
        metrics: `PORT` or `HOST:PORT` where Prometheus can read how the run gets on.
        registry: Registry of the plugins.
    """

    source: str
    out: Path
    model: Path | None = None
    sinks: tuple[str, ...] = ("mp4", "jsonl")
    options: Options = field(default_factory=Options)
    fresh: bool = False
    cores: int | None = None
    metrics: str | None = None
    registry: Registry = field(default_factory=default_registry, repr=False, compare=False)

    def identity(self) -> dict[str, Any]:
        """Return what the results depend on; see `run_identity`."""
        return run_identity(model_path(self.model), self.source, self.options, self.sinks)

    def run(self, advance: Advance = unheard) -> RunSummary:
        """Process the stream to its end; the summary is also written into the folder.

        Args:
            advance: Function called after each frame with the summary so far and, if known, the
                number of all frames.

        Raises:
            DriveMetaError: an option does not fit (before anything is written), another run writes
                into the folder, the source cannot be read, a sink cannot write.
        """
        settings = self.options.settings
        chosen = (self.options.tracker, self.options.scheduler)
        used = (source_kind(self.source, self.registry)[0], *chosen, *self.sinks)
        check_settings(settings, used)
        check_sinks(self.sinks, self.registry)  # a misspelt one, before a model is loaded
        with run_folder(self.out):
            summary = self._run(advance)
            text = json.dumps(self.as_json(summary), indent=2)
            write_text(self.out / SUMMARY_NAME, text + "\n")
        return summary

    def _run(self, advance: Advance) -> RunSummary:
        settings, registry = self.options.settings, self.registry
        source = clipped(open_source(self.source, registry, settings), self.options)
        live = info_of(source).live
        detector, options = detector_for(self.model, self.options, live=live, cores=self.cores)
        kind, place = source_kind(self.source, registry)
        notes: list[str] = []
        context = run_context(
            detector,
            options,
            self.out,
            source=kind,
            place=str(next(iter(place.values()), "")),
            tell=notes.append,
        )
        pipeline = build_pipeline(detector, options, context, registry)
        sinks = [create_with(registry, "sink", name, settings, context) for name in self.sinks]
        journal, identity = None, self.identity()
        if not live:  # of a live source, what is gone cannot be read again
            journal = Journal(self.out, identity, pipeline.classes, fresh=self.fresh)
        if self.metrics is None:
            summary = run(source, pipeline, sinks, advance, journal)
        else:
            metrics = Metrics(self.source)
            with served(metrics, self.metrics):
                told = _also(metrics.watch, advance)
                summary = run(source, pipeline, sinks, told, journal)
        summary.run, summary.notes = _digest(identity), (*summary.notes, *notes)
        return summary

    def as_json(self, summary: RunSummary) -> dict[str, Any]:
        """Return a summary of this job's run as JSON values."""
        model = str(self.model) if self.model else "base"
        return {"source": self.source, "model": model, **summary.as_json()}

    def is_finished(self) -> bool:
        """Tell whether the folder holds the complete results of this very job."""
        path = self.out / SUMMARY_NAME
        if not path.is_file() or (self.out / JOURNAL_NAME).exists():
            return False
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
            same = summary["run"] == _digest(self.identity()) and not summary["interrupted"]
            return same and all(Path(file).is_file() for file in summary["files"])
        except (ValueError, KeyError, TypeError):
            return False  # written by something else


def check_sinks(names: Sequence[str], registry: Registry) -> None:
    """Check that each sink is there and is named once, since two would write the same file.

    Raises:
        PluginNotFoundError: there is no such sink.
        PluginError: one cannot be loaded.
        InputError: one is named twice.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"expected each sink once, found {', '.join(twice)} more than once in "
            f"{','.join(names)}; they would write the same file"
        )
    for name in names:
        registry.load("sink", name)


def _also(watch: Callable[[RunSummary], None], advance: Advance) -> Advance:
    def told(summary: RunSummary, total: int | None) -> None:
        watch(summary)
        advance(summary, total)

    return told


def _digest(identity: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
