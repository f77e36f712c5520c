"""A pipeline built from options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.run import PlanMode, RunContext
from drivemeta.errors import InputError, suggest
from drivemeta.plugins.calling import info_of
from drivemeta.plugins.registry import Registry
from drivemeta.plugins.settings import create_with
from drivemeta.plugins.source.protocol import Source
from drivemeta.runtime.cores import usable_cores
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.slicing import Sliced, in_region
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Detect, Pipeline
from drivemeta.video.time_window import Clipped

Image = NDArray[np.uint8]


def run_context(
    detector: OnnxDetector, options: Options, folder: Path = Path(), **told: Any
) -> RunContext:
    """Return what a run of a detector gives to its tracker, scheduler and sinks.

    Args:
        detector: Detector of the run.
        options: Options of the run.
        folder: Folder of the run; the current one for a run that writes nothing.
        told: Further fields of the context.
    """
    return RunContext(
        folder=folder,
        families=_Families(detector),
        tracker=options.tracker,
        every=options.every,
        mode="full" if options.tiles is None else "sliced",
        modes=_modes(options),
        max_latency_ms=options.max_latency_ms,
        **told,
    )


def build_pipeline(
    detector: OnnxDetector, options: Options, context: RunContext, registry: Registry
) -> Pipeline:
    """Return the pipeline that options describe.

    Args:
        detector: Detector of the pipeline.
        options: Options of the run.
        context: Context that the tracker and the scheduler are given.
        registry: Registry of the plugins.

    Raises:
        InputError: an option does not fit; names it.
    """
    settings = options.settings
    detect = _thresholded(detector, options.min_score)
    return Pipeline(
        detect=_in_roi(detect, options),
        tracker=create_with(registry, "tracker", options.tracker, settings, context),
        scheduler=create_with(registry, "scheduler", options.scheduler, settings, context),
        batch=options.batch,
        workers=options.workers or 1,
        keep=_keeper(options.classes, detector.classes),
        sliced=_sliced(detect, options),
        small=_small(detector, options),
        classes=detector.classes,
        provider=detector.provider,
    )


def clipped(source: Source, options: Options) -> Source:
    """Return the part of a source that options ask for.

    Raises:
        InputError: it would end before it begins, or a deadline is set for what is not live.
    """
    if options.max_latency_ms is not None and not info_of(source).live:
        raise InputError(
            "--max-latency-ms is for live sources: a file waits for the network and loses no frame"
        )
    if not options.start_s and options.end_s is None:
        return source
    return Clipped(source, options.start_s, options.end_s)


class _Families(Mapping[str, str]):
    """The super-class of each class of a detector, as its bank stands at the moment.

    Classes of the banks before keep theirs: frames that were looked at with them may be under way.
    """

    def __init__(self, detector: OnnxDetector) -> None:
        self._detector = detector
        self._last = detector.families
        self._known = dict(self._last)

    def _now(self) -> Mapping[str, str]:
        families = self._detector.families
        if families is not self._last:
            self._last, self._known = families, {**self._known, **families}
        return self._known

    def __getitem__(self, name: str) -> str:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def _thresholded(detector: OnnxDetector, min_score: float | None) -> Detect:
    return lambda frames: detector(frames, min_score)


def _in_roi(detect: Detect, options: Options) -> Detect:
    return detect if options.roi is None else in_region(detect, options.roi)


def _sliced(detect: Detect, options: Options) -> Detect | None:
    if options.tiles is None:
        return None
    return _in_roi(Sliced(detect, options.tiles, merging=options.tile_merge), options)


def _modes(options: Options) -> tuple[PlanMode, ...]:
    """Return the modes of inference of a run, cheapest first."""
    small: tuple[PlanMode, ...] = () if options.small_model is None else ("small",)
    sliced: tuple[PlanMode, ...] = () if options.tiles is None else ("sliced",)
    return ("skip", *small, "full", *sliced)


def _small(detector: OnnxDetector, options: Options) -> Detect | None:
    if options.small_model is None:
        return None
    threads = max(1, usable_cores() // (options.workers or 1))
    small = OnnxDetector(options.small_model, provider=options.provider, threads=threads)
    if small.classes != detector.classes:
        raise InputError(
            f"--small-model: expected the classes of the model, {_some(detector.classes)}, "
            f"found {_some(small.classes)}; export it from the same weights with --input-size"
        )
    small_look, look = (_thresholded(each, options.min_score) for each in (small, detector))

    def of_the_same_classes(frames: Sequence[Image]) -> list[Detections]:
        """Look by the small model, unless the other one was fed a bank that it lacks."""
        return (small_look if small.classes == detector.classes else look)(frames)

    return _in_roi(of_the_same_classes, options)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown}, ... ({len(names)})" if len(names) > 6 else shown


def _keeper(
    wanted: tuple[str, ...] | None, known: tuple[str, ...]
) -> Callable[[Detections], NDArray[np.bool_]] | None:
    if wanted is None:
        return None
    for name in wanted:
        if name not in known:
            raise InputError(f"--classes: the model has no class {name!r}; {suggest(name, known)}")

    def kept(found: Detections) -> NDArray[np.bool_]:  # by name: a bank that is fed moves labels
        labels = [label for label, name in enumerate(found.classes) if name in wanted]
        return np.isin(found.labels, labels)

    return kept
