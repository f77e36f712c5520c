"""Indexing that is killed, and two indexers at once: nothing is lost, nothing is mixed."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from drivemeta.archive.counts import totals
from drivemeta.archive.store import open_archive
from drivemeta.archive.upkeep import verify
from tests.helpers.archives import content_of

ROOT = Path(__file__).parents[2]
SCRIPT = """
    import sys
    from drivemeta.archive import segments
    from drivemeta.cli.main import main

    segments.SEGMENT_S = 1.0  # in the workers, too: they import this file

    if __name__ == "__main__":
        main(sys.argv[1:])
"""


@pytest.fixture
def start(tmp_path, quick_base):
    """Start `drivemeta index` in a process of its own; what still runs at the end is killed."""
    script, running = tmp_path / "run.py", []
    script.write_text(textwrap.dedent(SCRIPT))

    def run(places, out, *options):
        words = ["index", *map(str, places), "--out", str(out), "--base", str(quick_base)]
        words += ["--provider", "cpu", "--least-score", "0.3"]
        running.append(
            subprocess.Popen(
                [sys.executable, str(script), *words, *options],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def kill_all(process):
    """Kill a process and its children without a word."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = listed.read_text().split() if listed.exists() else []
    for pid in (process.pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children by /proc")
def test_nothing_is_lost_by_kills_at_random(start, make_archive, clips, tmp_path, monkeypatch):
    monkeypatch.setattr("drivemeta.archive.segments.SEGMENT_S", 1.0)
    whole, _ = make_archive(tmp_path / "whole", clips, fps=5.0)
    out, rng = tmp_path / "a", random.Random(0)
    cut_short, seen = 0, set()
    for _ in range(20):
        process = start([clips], out, "--fps", "5", "--jobs", "2")
        begun = time.monotonic()
        n_before = len(list(out.glob("boxes/*/*.parquet")))
        if n_before >= 12:  # begin anew, so that kills fall into the middle
            process.kill()
            for path in out.glob("boxes/*/*.parquet"):
                path.unlink()
            n_before = 0
            process = start([clips], out, "--fps", "5", "--jobs", "2")
        wait_s = rng.uniform(0, 1)
        while process.poll() is None and time.monotonic() - begun < 60:
            if len(list(out.glob("boxes/*/*"))) > n_before:  # it looks: now, or soon
                time.sleep(wait_s)
                break
            time.sleep(0.02)
        cut_short += process.poll() is None
        kill_all(process)
        seen.add(len(list(out.glob("boxes/*/*.parquet"))))
        if (out / "archive.json").exists():
            assert verify(open_archive(out)).is_sound
    assert cut_short >= 10
    assert len(seen) > 3
    process = start([clips], out, "--fps", "5", "--jobs", "2")
    assert process.wait(120) == 0, process.stderr.read()
    found = verify(open_archive(out))
    assert found.is_sound
    assert not found.unfinished
    assert content_of(open_archive(out)).equals(content_of(whole))


@pytest.mark.slow
def test_two_at_once_both_contribute(start, make_archive, clips, tmp_path, monkeypatch):
    monkeypatch.setattr("drivemeta.archive.segments.SEGMENT_S", 1.0)
    whole, _ = make_archive(tmp_path / "whole", clips, fps=5.0)
    both = [start([clips], tmp_path / "a", "--fps", "5", "--jobs", "1") for _ in range(2)]
    for process in both:
        assert process.wait(120) == 0, process.stderr.read()
    archive = open_archive(tmp_path / "a")
    assert verify(archive).is_sound
    assert content_of(archive).equals(content_of(whole))
    assert totals(archive).n_segments == totals(whole).n_segments


@pytest.mark.slow
def test_of_two_that_differ_one_is_refused(start, clips, tmp_path):
    places = {"2": clips / "long.mp4", "5": clips / "short.mp4"}
    both = {fps: start([p], tmp_path / "a", "--fps", fps) for fps, p in places.items()}
    codes = {fps: process.wait(120) for fps, process in both.items()}
    assert sorted(codes.values()) == [0, 2]
    (refused,) = [fps for fps, code in codes.items() if code]
    assert "another rate" in both[refused].stderr.read()
    archive = open_archive(tmp_path / "a")
    assert f"{archive.fps:g}" != refused
    assert verify(archive).is_sound
    assert totals(archive).n_videos == 1
