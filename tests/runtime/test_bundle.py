"""What goes into a bug report, and what must not."""

import json
import os
import zipfile

import pytest

from drivemeta.runtime import bundle as b
from drivemeta.runtime.doctor import Finding, MachineReport
from drivemeta.runtime.manifest import Manifest
from tests.helpers.cli import call
from tests.helpers.small_model import small_model


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is nowhere near the usual ones, with a model and runs in it."""
    home = tmp_path / "people" / "quillon"
    (home / "my drives" / "old").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / "my drives" / "signs.onnx").write_bytes(small_model().SerializeToString())
    for name, age in (("new", 0), ("old", 60)):
        folder = home / "my drives" / name
        folder.mkdir(exist_ok=True)
        summary = {
            "source": "rtsp://quillon:secret@camera.local/live?key=abc",
            "model": str(home / "my drives" / "signs.onnx"),
            "files": [str(folder / "a b.mp4")],
            "notes": [f"cannot read {home}/x/y.jpg: it is cut off"],
            "fps": 12.5,
            "name": name,
        }
        (folder / "summary.json").write_text(json.dumps(summary))
        (folder / "best.jpg").write_bytes(b"\xff\xd8picture")
        then = (folder / "summary.json").stat().st_mtime - age
        os.utime(folder / "summary.json", (then, then))
    return home


@pytest.fixture
def findings(home, monkeypatch):
    told = MachineReport([Finding("av", "problem", f"no libav in {home}/venv/lib/av.py", "mend")])
    monkeypatch.setattr("drivemeta.runtime.doctor.diagnose", lambda: told)
    return told


def contents(path):
    with zipfile.ZipFile(path) as bundle:
        return {name: json.loads(bundle.read(name)) for name in bundle.namelist()}


def test_a_bundle_holds_what_a_report_needs_and_nothing_of_a_home(
    home, findings, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(home / "my drives")
    out = tmp_path / "report.zip"
    assert call("doctor", "--bundle", out, "--model", "signs.onnx", "--json") == 1
    assert json.loads(capsys.readouterr().out)["bundle"] == list(contents(out))
    found = contents(out)
    assert set(found) == {"doctor.json", "versions.json", "model.json", "summary.json"}
    whole = json.dumps(found)
    for private in ("quillon", "people", "my drives", "secret", "key=abc", "picture"):
        assert private not in whole, private
    assert found["doctor.json"][0]["found"] == "no libav in ~/.../av.py"
    assert Manifest.model_validate(found["model.json"]["manifest"]).names[:2] == ("vehicle", "sign")
    assert found["summary.json"] == {
        "source": "rtsp://...@camera.local/live?...",
        "model": "~/.../signs.onnx",
        "files": ["~/.../a b.mp4"],
        "notes": ["cannot read ~/.../y.jpg: it is cut off"],
        "fps": 12.5,
        "name": "new",
    }
    assert found["versions.json"]["installed"]["numpy"]
    assert found["versions.json"]["python"]


def test_a_run_and_no_model(home, findings, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "report.zip"
    assert call("doctor", "--bundle", out, "--run", home / "my drives" / "old") == 1
    assert contents(out)["summary.json"]["name"] == "old"
    assert "model.json" not in contents(out)
    assert call("doctor", "--bundle", out) == 1
    assert set(contents(out)) == {"doctor.json", "versions.json"}


def test_a_model_that_cannot_be_read_is_told_in_the_bundle(home, findings, tmp_path):
    damaged = home / "my drives" / "none.onnx"
    damaged.write_bytes(b"none")
    out = tmp_path / "report.zip"
    assert call("doctor", "--bundle", out, "--model", damaged) == 1
    told = contents(out)["model.json"]
    assert told["file"] == "none.onnx"
    assert "~/.../none.onnx" in told["problem"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bundle", "report.tar"], "--bundle: expected a file name that ends in .zip"),
        (["--model", "signs.onnx"], "name its file by --bundle"),
        (["--bundle", "report.zip", "--run", "nowhere"], "--run: expected the folder of a run"),
    ],
)
def test_what_cannot_be_bundled_is_told(findings, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert call("doctor", *words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "report.zip").exists()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/ann", "~"),
        ("/Users/ann/", "~"),
        ("/root/x/y z.mp4", "~/.../y z.mp4"),
        ("C:\\Users\\Ann\\a\\b.mp4", "~/.../b.mp4"),
        ('File "/home/ann/a/b.py", line 3', 'File "~/.../b.py", line 3'),
        ("in /home/ann/my films/a.mp4: damaged", "in ~/.../a.mp4: damaged"),
        ("/data/home.mp4 and /homeless/x", "/data/home.mp4 and /homeless/x"),
        ("http://camera/x.ts?user=ann&pass=1", "http://camera/x.ts?..."),
    ],
)
def test_what_tells_of_a_person_is_taken_out(text, left, monkeypatch):
    monkeypatch.setenv("HOME", "/home/bob")
    assert b.without_persons({"text": [text]}) == {"text": [left]}
