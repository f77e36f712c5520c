"""Sources and models opened by what a user names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.settings import Settings
from drivemeta.plugins.source.protocol import Source
from drivemeta.runtime.cores import usable_cores
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.options import Options
from drivemeta.video.source_table import SourceTable

MOST_WORKERS = 4  # each holds a network's activations in memory


def source_kind(place: str | Path, registry: Registry) -> tuple[str, dict[str, Any]]:
    """Return the source plugin for a place, and the parameters that name the place to it.

    Raises:
        InputError: several sources claim the place.
        VideoError: nothing is there, and no source has such a name or reads such addresses.
    """
    return SourceTable(registry).find(place)


def open_source(
    place: str | Path, registry: Registry | None = None, settings: Settings | None = None
) -> Source:
    """Return the source for a place.

    What a place is read by, the manifests of the sources say: a folder is read as images or as a
    ROS 2 bag, a file as a video or an MCAP recording, an address (`rtsp://`, `http://`, ...) as a
    stream, a pattern with `*` or `?` as images, and `NAME:REST` by the source of that name:
    `camera:0`, `synthetic:SEED`.

    Args:
        place: Place of the frames.
        registry: Registry of the plugins; the default one if None.
        settings: Parameters by plugin, such as `{"images": {"fps": 30}}`.

    Raises:
        InputError: several sources claim the place, or a setting does not fit.
        VideoError: there is nothing that can be read.
    """
    registry = registry or default_registry()
    kind, params = source_kind(place, registry)
    params |= (settings or {}).get(kind, {})
    source: Source = registry.create("source", kind, **params)
    return source


def detector_for(
    model: str | Path | OnnxDetector | None,
    options: Options,
    *,
    live: bool,
    cores: int | None = None,
) -> tuple[OnnxDetector, Options]:
    """Load a model as suits a stream; a detector is taken as it is.

    On CPUs, several frames at a time on few threads each get more done than one frame on all
    threads, but each takes longer: so that is done for what is not live.

    Args:
        model: An exported model, a detector that is loaded already, or None for the shipped base.
        options: Options of the run.
        live: Whether frames come at their own pace.
        cores: Cores that may be used; None for all that the process may use.

    Returns:
        The detector, and the options with the number of workers decided.
    """
    if model is not None and not isinstance(model, str | Path):
        return model, options
    cores = cores or usable_cores()
    workers = options.workers or (1 if live else min(cores, MOST_WORKERS))
    threads = max(1, cores // workers)
    detector = OnnxDetector(model_path(model), provider=options.provider, threads=threads)
    if options.workers is None and detector.provider != "cpu":
        workers = 1
    return detector, replace(options, workers=workers)


def model_path(model: str | Path | None) -> Path:
    """Return the path of a model; that of the shipped base for None, written on first use."""
    if model is None:
        from drivemeta.shipped import base_onnx  # noqa: PLC0415  (writes the base once, with torch)

        return base_onnx()
    return Path(model)
