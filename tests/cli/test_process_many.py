"""Many videos in one command."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from drivemeta.export.probe_scene import draw_scene
from drivemeta.files import run_folder
from tests.helpers.cli import call
from tests.helpers.videos import encode_video, moving

N_LONG = 100  # frames, each of which takes about 0.1 s
STATES = {"good.mp4": "done", "far/other.mp4": "done", "bad.mp4": "failed"}


@pytest.fixture
def scene():
    return np.ascontiguousarray(draw_scene()[:192, :256])


@pytest.fixture
def drives(tmp_path, scene):
    folder = tmp_path / "drives"
    (folder / "far").mkdir(parents=True)
    encode_video(folder / "good.mp4", moving(scene, 6))
    encode_video(folder / "far" / "other.mp4", moving(scene, 9))
    (folder / "bad.mp4").write_bytes(b"no video at all")
    return folder


def test_failures_are_isolated_and_finished_ones_are_skipped(
    drives, scene, tiny_model, tmp_path, capsys
):
    out = tmp_path / "out"
    words = ["process", drives, "--model", tiny_model, "--out", out, "--jobs", 2, "--json"]
    words += ["--provider", "cpu"]
    assert call(*words) == 1
    heard = capsys.readouterr()
    rows = json.loads(heard.out)
    assert {name: row["state"] for name, row in rows.items()} == STATES
    assert "2 done, 1 failed" in heard.err.replace("1 failed, 2 done", "2 done, 1 failed")
    assert "bad.mp4" in heard.err
    assert rows["good.mp4"]["summary"]["frames"] == 6
    assert rows == json.loads((out / "videos.json").read_text())
    assert len((out / "far" / "other.mp4" / "detections.jsonl").read_text().splitlines()) == 9
    before = (out / "good.mp4" / "annotated.mp4").stat().st_mtime_ns

    (drives / "bad.mp4").unlink()
    encode_video(drives / "bad.mp4", moving(scene, 4))
    assert call(*words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {name: row["state"] for name, row in rows.items()} == {
        "good.mp4": "skipped",
        "far/other.mp4": "skipped",
        "bad.mp4": "done",
    }
    assert (out / "good.mp4" / "annotated.mp4").stat().st_mtime_ns == before

    (out / "good.mp4" / "annotated.mp4").unlink()  # not finished any more
    assert call(*words[:-2], "--provider", "cpu", "--json") == 0
    assert json.loads(capsys.readouterr().out)["good.mp4"]["state"] == "done"
    assert call(*words, "--every", 2) == 0  # another run, so nothing is finished
    rows = json.loads(capsys.readouterr().out)
    assert {row["state"] for row in rows.values()} == {"done"}


def test_no_model_is_loaded_to_be_thrown_away(drives, tiny_model, tmp_path, monkeypatch):
    def load(*_, **__):
        raise AssertionError("loaded where no video is processed")

    (drives / "bad.mp4").unlink()
    (drives / "far" / "other.mp4").unlink()
    monkeypatch.setattr("drivemeta.runtime.detector.OnnxDetector.__init__", load)
    words = ["process", drives, "--model", tiny_model, "--out", tmp_path / "out"]
    assert call(*words, "--provider", "cpu", "--sinks", "jsonl") == 0


def test_a_provider_that_is_none_is_told_once(drives, tiny_model, tmp_path, capsys):
    words = ["process", drives, "--model", tiny_model, "--out", tmp_path / "out"]
    assert call(*words, "--provider", "cud") == 2
    assert "did you mean 'cuda'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_second_command_into_one_folder_is_refused(drives, tiny_model, tmp_path, capsys):
    out = tmp_path / "out"
    with run_folder(out):
        assert call("process", drives, "--model", tiny_model, "--out", out) == 2
    assert "another run is writing into" in capsys.readouterr().err
    assert not list(out.iterdir())


def test_a_model_that_is_none_is_told_once(drives, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"x")
    assert call("process", drives, "--model", model, "--out", tmp_path / "out") == 2
    assert "model.onnx" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_what_runs_and_the_same_command_goes_on(
    tmp_path,
    scene,
    tiny_model,
    number,
):
    folder, out = tmp_path / "drives", tmp_path / "out"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        encode_video(folder / name, moving(scene, N_LONG))
    words = ["process", folder, "--model", tiny_model, "--out", out, "--provider", "cpu"]
    words += ["--tracker", "bytetrack", "--sinks", "jsonl"]
    script = tmp_path / "run.py"
    script.write_text(
        "from drivemeta.cli.main import main\n"
        f"if __name__ == '__main__':\n    main({list(map(str, words))!r})\n"
    )
    running = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True)
    part = out / "a.mp4" / "detections.jsonl.part"
    while running.poll() is None and not (part.exists() and part.stat().st_size):
        time.sleep(0.05)
    os.kill(running.pid, number)
    heard = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "3 interrupted" in heard
    n_lines = len((out / "a.mp4" / "detections.jsonl").read_text().splitlines())
    assert 0 < n_lines < N_LONG
    assert not (out / "c.mp4").exists()
    again = subprocess.run(
        [sys.executable, str(script)], stderr=subprocess.PIPE, text=True, check=False
    )
    assert again.returncode == 0
    assert "3 done" in again.stderr
    assert len((out / "a.mp4" / "detections.jsonl").read_text().splitlines()) == N_LONG
