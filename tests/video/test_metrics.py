"""Metrics as Prometheus reads them, while a run lasts."""

import socket
import urllib.request

import numpy as np
import pytest

from drivemeta.cli.stage_table import advice, stage_table
from drivemeta.core import Detections, Tracks
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.job import Job
from drivemeta.video.metrics import Metrics, served
from drivemeta.video.options import Options
from drivemeta.video.summary import RunSummary

parser = pytest.importorskip("prometheus_client.parser", reason="needs the extra metrics")


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def scrape(port: int) -> dict[tuple, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = parser.text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


def test_a_running_job_is_read_over_http(write_video, tiny_model, tmp_path, port):
    seen = []

    def advance(summary, total):
        if summary.frames in (3, 10):
            seen.append(scrape(port))

    job = Job(
        str(write_video(range(0, 1000, 100), size=(96, 160))),
        tmp_path / "out",
        tiny_model,
        ("jsonl",),
        Options(provider="cpu"),
        metrics=str(port),
    )
    summary = job.run(advance)
    early, late = seen
    assert early["drivemeta_frames_total", "write"] == 3
    assert late["drivemeta_frames_total", "infer"] == 10
    assert early["drivemeta_stage_seconds_total", "track"] > 0
    assert late["drivemeta_frames_dropped_total", job.source] == 0
    assert ("drivemeta_run_info", "cpu", job.source) in late or (
        "drivemeta_run_info",
        job.source,
        "cpu",
    ) in late
    found = {key[1]: n for key, n in late.items() if key[0] == "drivemeta_detections_total"}
    assert found == {name: float(n) for name, n in summary.detections.items()}
    with pytest.raises(OSError, match="refused"):
        scrape(port)


@pytest.mark.parametrize("address", ["http", "host:", "0", "70000"])
def test_what_is_no_address_is_told(address):
    with pytest.raises(InputError, match="PORT"), served(Metrics("x"), address):
        pass


def test_a_port_in_use_is_told(port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(OutputError, match=str(port)), served(Metrics("x"), str(port)):
            pass


def test_the_table_names_the_stage_that_holds_the_run_up():
    summary = RunSummary()
    summary.add(Tracks.untracked(Detections.empty(())), SourceCounts(), 10.0)
    summary.clock.threads["infer"] = 2
    for stage, seconds in {"decode": 6.0, "infer": 9.0, "track": 1.0, "write": 0.5}.items():
        summary.clock.add(stage, seconds, 100)
    assert advice(summary).startswith("decoding")  # two threads share the network's nine seconds
    columns = [list(column.cells) for column in stage_table(summary).columns]
    assert columns[0] == ["decode", "infer", "track", "write"]
    assert columns[3] == ["60%", "45%", "10%", "5%"]
    np.testing.assert_allclose([float(cell) for cell in columns[2]], [60, 90, 10, 5])
    summary.seconds = 100.0
    assert "source sets the pace" in advice(summary)
    assert advice(RunSummary()) == "nothing was done"
