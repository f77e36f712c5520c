"""`drivemeta index`, `search` and `archive` from the command line."""

import json
from pathlib import Path

import pytest

from tests.helpers.cli import call
from tests.helpers.small_model import small_model
from tests.helpers.videos import draw_frame, encode_video


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A model that is its own base, a video of three seconds, and the archive of it."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "base.onnx").write_bytes(small_model().SerializeToString())
    (folder / "drives").mkdir()
    images = (draw_frame(i, (96, 160)) for i in range(30))
    encode_video(folder / "drives" / "rain.mp4", images)
    assert call(*index(folder)) == 0
    return folder


def index(folder, *more):
    words = ("index", folder / "drives", "--out", folder / "archive", "--jobs", 1, *more)
    return (*words, "--base", folder / "base.onnx", "--provider", "cpu")


def said(capsys):
    return json.loads(capsys.readouterr().out)


def test_indexing_again_adds_nothing(material, capsys):
    assert call(*index(material, "--json")) == 0
    report = said(capsys)
    assert (report["n_done"], report["n_there"], report["problems"]) == (0, 1, {})


def test_another_rate_is_refused(material, capsys):
    assert call(*index(material, "--fps", 5)) == 2
    assert "another rate" in capsys.readouterr().err


def test_what_cannot_be_read_fails_and_the_rest_is_there(material, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    words = ("index", tmp_path / "bad.mp4", material / "drives", "--out", tmp_path / "a")
    assert call(*words, "--base", material / "base.onnx", "--provider", "cpu", "--json") == 1
    report = said(capsys)
    assert list(report["problems"]) == [str(tmp_path / "bad.mp4")]
    assert report["n_done"] == 1


def test_searching(material, tmp_path, capsys):
    words = ("search", material / "archive", "--model", material / "base.onnx")
    more = ("--class", "vehicle", "--min-score", 0.3, "--frames", "--clips", 1, "--json")
    out = tmp_path / "hits"
    assert call(*words, "--out", out, *more) == 0
    report = said(capsys)
    assert report["n_hits"]["vehicle"] == report["n_written"] > 0
    assert report["n_clips"] == report["n_written"]
    assert {Path(path).name for path in report["files"]} >= {"hits.parquet", "hits.html"}
    assert call(*words, "--out", out) == 2
    assert "holds hits already" in capsys.readouterr().err
    assert call(*words, "--out", tmp_path / "none", "--where", "video like '%sun%'", "--json") == 0
    assert said(capsys)["n_written"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "expected --model MODEL, or --like IMAGE"),
        (("--like", "a.png"), "expected --model MODEL, or --like IMAGE"),
        (("--like", "a.png", "--box", "1,2"), "--box: expected x1,y1,x2,y2"),
        (("--like", "a.png", "--box", "1,2,3,4"), "--like: expected an image at a.png"),
    ],
)
def test_what_is_asked_wrongly(words, told, material, tmp_path, capsys):
    assert call("search", material / "archive", "--out", tmp_path / "hits", *words) == 2
    assert told in capsys.readouterr().err


def test_no_archive(tmp_path, capsys):
    assert call("archive", "info", tmp_path) == 2
    assert "found no archive.json" in capsys.readouterr().err


def test_telling_of_an_archive(material, capsys):
    by = ("--by", "class,video", "--model", material / "base.onnx")
    assert call("archive", "info", material / "archive", *by, "--json") == 0
    report = said(capsys)
    assert (report["n_videos"], report["n_segments"], report["n_frames"]) == (1, 1, 6)
    assert sum(row["boxes"] for row in report["counts"]) > 0
    assert {row["video"] for row in report["counts"]} == {str(material / "drives" / "rain.mp4")}


def test_verifying(material, tmp_path, capsys):
    words = ("index", material / "drives", "--out", tmp_path, "--base", material / "base.onnx")
    assert call(*words, "--provider", "cpu") == 0
    assert call("archive", "verify", tmp_path) == 0
    assert call("archive", "compact", tmp_path) == 0
    (file,) = tmp_path.glob("boxes/*/*.parquet")
    file.write_bytes(file.read_bytes()[:-100])
    capsys.readouterr()
    assert call("archive", "verify", tmp_path, "--json") == 1
    report = said(capsys)
    assert not report["sound"]
    assert report["damaged"][0]["path"] == str(file)
