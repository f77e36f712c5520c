"""`kill -9` at any moment, the same command again: the outputs of a run that was never killed."""

import json
import os
import random
import resource
import shutil
import signal
import time
from dataclasses import replace
from multiprocessing import Process
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import forked
from tests.helpers.videos import CLASSES, find_boxes, read_video

SINKS = "mp4,jsonl,csv,coco,mot,events,snapshots"
N_KILLS = 20
FRAMES_MS = range(0, 30_000, 333)  # 91 frames, three segments


class Colours:
    """The detector of coloured boxes, slow enough to be killed at work."""

    classes = CLASSES
    provider = "cpu"

    def __init__(self):
        self.families = dict(zip(CLASSES, CLASSES, strict=True))

    def __call__(self, frames, min_score=None):
        time.sleep(0.01 * len(frames))
        return find_boxes(frames)


def command(words: list[str], commit_s: float, detector: str, file_limit: int | None) -> None:
    """Run the command in this process, with commits as often as a short clip wants."""
    from drivemeta.cli.main import main
    from drivemeta.video import job, sink_writer

    sink_writer.COMMIT_S = commit_s
    if file_limit is not None:  # stands for a full disk: no file may grow beyond
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
    if detector == "colours":
        job.detector_for = lambda _model, options, **_: (Colours(), replace(options, workers=2))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    raise SystemExit(main(words))


def start(
    words: list[str],
    commit_s: float = 0.05,
    detector: str = "colours",
    file_limit: int | None = None,
) -> Process:
    """Start the command in a process of its own."""
    return forked.start(command, words, commit_s, detector, file_limit)


def _await_change(running: Process, journal: Path) -> None:
    """Wait until a run has opened its journal, so that a moment after it is one of the run's."""
    before = journal.stat().st_size if journal.exists() else 0
    while running.is_alive() and (not journal.exists() or journal.stat().st_size == before):
        running.join(0.01)


def _killed(running: Process, journal: Path, seconds: float) -> bool:
    """Kill a run some time after it opened its journal; False if it ended well before."""
    _await_change(running, journal)
    running.join(seconds)
    if running.is_alive():
        os.kill(running.pid, signal.SIGKILL)
        running.join()
        return True
    assert running.exitcode == 0
    return False


def outputs(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "summary.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["botsort", "bytetrack"])
def test_kills_at_random_moments_change_nothing(write_video, tiny_model, tmp_path, tracker):
    video = write_video(FRAMES_MS, size=(96, 160))
    words = ["process", str(video), "--model", str(tiny_model), "--tracker", tracker]
    words += ["--sinks", SINKS, "--out"]
    whole = start([*words, str(tmp_path / "whole")])
    whole.join()
    assert whole.exitcode == 0
    longest = json.loads((tmp_path / "whole" / "summary.json").read_text())["seconds"] * 0.6
    expected = outputs(tmp_path / "whole")
    frames = read_video(tmp_path / "whole" / "annotated.mp4")
    assert len(frames) == len(FRAMES_MS)
    chance, n_killed, n_finished = random.Random(tracker), 0, 0
    while n_killed < N_KILLS or not n_finished:
        out = tmp_path / f"cut{n_finished}"
        running = start([*words, str(out)])
        if _killed(running, out / "journal.bin", chance.uniform(0.0, longest)):
            n_killed += 1
            continue
        found = outputs(out)
        assert found.keys() == expected.keys()
        for name in expected.keys() - {"annotated.mp4"}:
            assert found[name] == expected[name], name
        again = read_video(out / "annotated.mp4")
        assert [time_s for time_s, _ in again] == [time_s for time_s, _ in frames]
        for (_, one), (_, two) in zip(again, frames, strict=True):
            np.testing.assert_array_equal(one, two)
        n_finished += 1


@pytest.mark.slow
def test_kills_of_a_run_with_a_real_model_change_nothing(write_video, tiny_model, tmp_path):
    video = write_video(range(0, 2400, 40), size=(192, 256))
    words = ["process", str(video), "--model", str(tiny_model), "--provider", "cpu"]
    words += ["--min-score", "0.05", "--sinks", "jsonl,csv,events", "--out"]
    whole = start([*words, str(tmp_path / "whole")], detector="real")
    whole.join()
    assert whole.exitcode == 0
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert summary["detections"]
    chance, n_killed, n_resumed, out = random.Random(0), 0, 0, tmp_path / "cut"
    while n_killed < 5:
        running = start([*words, str(out)], detector="real")
        if _killed(running, out / "journal.bin", chance.uniform(0.0, summary["seconds"] * 0.5)):
            n_killed += 1
            continue
        n_resumed += json.loads((out / "summary.json").read_text())["resumed"]
        assert outputs(out) == outputs(tmp_path / "whole")
        shutil.rmtree(out)
    last = start([*words, str(out)], detector="real")
    last.join()
    n_resumed += json.loads((out / "summary.json").read_text())["resumed"]
    assert outputs(out) == outputs(tmp_path / "whole")
    assert n_resumed


@pytest.mark.slow
@pytest.mark.parametrize("limit", [3_000, 8_000, 15_000])
def test_a_full_disk_is_told_and_the_same_command_goes_on(write_video, tiny_model, tmp_path, limit):
    video = write_video(FRAMES_MS, size=(96, 160))
    words = ["process", str(video), "--model", str(tiny_model), "--sinks", SINKS, "--out"]
    whole = start([*words, str(tmp_path / "whole")])
    whole.join()
    expected = outputs(tmp_path / "whole")
    assert max(map(len, expected.values())) > limit
    out = tmp_path / "cut"
    full = start([*words, str(out)], file_limit=limit)
    full.join()
    assert full.exitcode == 1
    left = outputs(out)
    finished = {name for name in expected if name in left}
    assert all(left[name] == expected[name] for name in finished - {"annotated.mp4"})
    again = start([*words, str(out)])
    again.join()
    assert again.exitcode == 0
    found = outputs(out)
    assert found.keys() == expected.keys()
    assert all(found[name] == expected[name] for name in expected if name != "annotated.mp4")
    assert len(read_video(out / "annotated.mp4")) == len(FRAMES_MS)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_every_sink_and_the_same_command_goes_on(
    write_video, tiny_model, tmp_path, number
):
    video = write_video(FRAMES_MS, size=(96, 160))
    words = ["process", str(video), "--model", str(tiny_model), "--provider", "cpu", "--out"]
    whole = start([*words, str(tmp_path / "whole")])
    whole.join()
    out = tmp_path / "cut"
    running = start([*words, str(out)])
    part = out / "detections.jsonl.part"
    while running.is_alive() and not (part.exists() and part.stat().st_size):
        running.join(0.02)
    os.kill(running.pid, number)
    running.join()
    assert running.exitcode == 1
    n_lines = len((out / "detections.jsonl").read_text().splitlines())
    assert 0 < n_lines < len(FRAMES_MS)
    assert len(read_video(out / "annotated.mp4")) == n_lines
    again = start([*words, str(out)])
    again.join()
    assert again.exitcode == 0
    assert outputs(out) == outputs(tmp_path / "whole")
