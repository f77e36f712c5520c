"""What a run does, for Prometheus to read while it lasts."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drivemeta.errors import InputError, OutputError, PluginError
from drivemeta.video.summary import RunSummary


class Metrics:
    """Gives the counts of a run as Prometheus metrics; `watch` takes in the run's summary.

    Args:
        source: Name of the stream, as a label.
    """

    def __init__(self, source: str) -> None:
        self._source, self._summary = source, RunSummary()
        self._families = _package("prometheus_client.core")

    def watch(self, summary: RunSummary) -> None:
        """Tell of this run from now on; the object is read anew each time."""
        self._summary = summary

    def collect(self) -> Iterator[Any]:
        """Yield the metrics as they stand, as a collector of prometheus-client."""
        summary, clock = self._summary, self._summary.clock
        yield self._counter("frames", "Frames that a stage has done.", "stage", clock.frames)
        yield self._counter(
            "stage_seconds",
            "Seconds at work, summed over threads; decoding a live source is mostly waiting.",
            "stage",
            clock.seconds,
        )
        yield self._counter("detections", "Detections.", "class", dict(summary.detections))
        for name, told, value in (
            ("frames_dropped", "Frames of a live source that gave way.", clock.dropped),
            ("packets_corrupt", "Packets or files that could not be decoded.", summary.corrupt),
            ("reconnects", "Times a stream was connected to again.", summary.reconnects),
            ("tracks", "Distinct identities.", summary.tracks),
        ):
            yield self._counter(name, told, "source", {self._source: value})
        labels = {"source": self._source, "provider": summary.provider}
        info = self._families.InfoMetricFamily("drivemeta_run", "What runs.")
        info.add_metric([], labels)
        yield info

    def _counter(self, name: str, told: str, label: str, values: dict[str, Any]) -> Any:
        family = self._families.CounterMetricFamily(f"drivemeta_{name}", told, labels=[label])
        for key, value in list(values.items()):
            family.add_metric([key], value)
        return family


@contextmanager
def served(metrics: Metrics, address: str) -> Iterator[None]:
    """Serve metrics over HTTP while inside.

    Args:
        metrics: Metrics of the run.
        address: `PORT`, for this machine alone, or `HOST:PORT`.

    Raises:
        InputError: the address is none.
        OutputError: it cannot be listened on.
        PluginError: prometheus-client is not installed.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"--metrics: expected PORT or HOST:PORT, found {address!r}")
    client = _package("prometheus_client")
    registry = client.CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = client.start_http_server(int(port), host or "127.0.0.1", registry)
    except OSError as error:
        raise OutputError(f"cannot listen on {address} for --metrics: {error}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PluginError(f"--metrics needs: pip install 'drivemeta[metrics]' ({error})") from error
