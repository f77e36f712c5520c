"""Which source reads a place: what is there first, then schemes, names and patterns."""

import json
from pathlib import Path

import pytest

from drivemeta.errors import InputError, VideoError
from drivemeta.plugins import Registry, default_registry
from drivemeta.plugins.discovery import discover
from drivemeta.video.source_table import SourceTable

CODE = """
class Sweep:
    def __init__(self, place):
        self.place = place

    def info(self): ...
    def __iter__(self): ...
    def counts(self): ...
    def close(self): ...
"""


def table(folder: Path, **sources: dict) -> SourceTable:
    """Return the built-in sources and others, each with the keys of its manifest."""
    for name, keys in sources.items():
        place = folder / "plugins" / "sources" / name
        place.mkdir(parents=True)
        manifest = {"name": name, "kind": "source", "entry": "sweep:Sweep", "api_version": 1}
        (place / "plugin.yaml").write_text(json.dumps({**manifest, "summary": "x", **keys}))
        (place / "sweep.py").write_text(CODE)
    return SourceTable(Registry(discover([folder / "plugins"] if sources else [])))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("rtsp://camera/1", ("stream", {"address": "rtsp://camera/1"})),
        ("HTTP://host/a?b=*", ("stream", {"address": "HTTP://host/a?b=*"})),
        ("synthetic", ("synthetic", {})),
        ("synthetic:7", ("synthetic", {"seed": "7"})),
        ("camera:0", ("camera", {"device": "0"})),
        ("camera:/dev/video1", ("camera", {"device": "/dev/video1"})),
        ("day*/*.jpg", ("glob", {"pattern": "day*/*.jpg"})),
        ("bag:odd.name", ("bag", {"path": "odd.name"})),
        ("stream:gopher://old", ("stream", {"address": "gopher://old"})),
        ("missing.mp4", ("file", {"path": "missing.mp4"})),
        ("missing.MCAP", ("bag", {"path": "missing.MCAP"})),
        (r"C:\drives\a.mp4", ("file", {"path": r"C:\drives\a.mp4"})),
        (r"c:\drives\a.mp4", ("file", {"path": r"c:\drives\a.mp4"})),
        ("drives/10:30.mp4", ("file", {"path": "drives/10:30.mp4"})),
    ],
)
def test_what_is_not_there_is_an_address_a_name_a_pattern_or_a_file(place, expected):
    assert SourceTable(default_registry()).find(place) == expected


def test_what_is_there_wins_over_every_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("synthetic", "camera:0", "a*.mp4"):
        Path(name).write_bytes(b"x")
        assert SourceTable(default_registry()).find(name) == ("file", {"path": name})
    Path("stream:1").mkdir()
    assert SourceTable(default_registry()).find("stream:1") == ("images", {"path": "stream:1"})


def test_a_folder_and_a_file_are_known_by_what_the_manifests_say(tmp_path):
    sources = table(tmp_path, sweep={"suffixes": [".swp", ".tar.gz"], "folders": ["sweep.json"]})
    for name in ("a.swp", "a.1.TAR.GZ", "a.mcap", "a.gz"):
        (tmp_path / name).write_bytes(b"x")
    kinds = {name: sources.find(tmp_path / name)[0] for name in ("a.swp", "a.1.TAR.GZ", "a.gz")}
    assert kinds == {"a.swp": "sweep", "a.1.TAR.GZ": "sweep", "a.gz": "file"}
    assert [sources.reads_file(tmp_path / name) for name in ("a.swp", "a.gz")] == [True, False]
    folder = tmp_path / "drive"
    folder.mkdir()
    assert sources.find(folder)[0] == "images"
    assert not sources.reads_folder(folder)
    (folder / "sweep.json").write_text("{}")
    assert sources.find(folder) == ("sweep", {"place": str(folder)})
    assert sources.reads_folder(folder)


def test_another_s_claim_wins_over_a_built_in_one_and_a_name_over_both(tmp_path):
    sources = table(tmp_path, sweep={"suffixes": [".mcap"], "schemes": ["rtsp"]})
    path = tmp_path / "a.mcap"
    path.write_bytes(b"x")
    assert sources.find(path)[0] == sources.find("rtsp://x")[0] == "sweep"
    assert sources.find(f"bag:{path}") == ("bag", {"path": str(path)})


def test_two_claims_of_others_are_told_with_what_to_do(tmp_path):
    sources = table(tmp_path, one={"suffixes": [".swp"]}, two={"suffixes": [".swp"]})
    (tmp_path / "a.swp").write_bytes(b"x")
    with pytest.raises(InputError, match=r"one and two read such; say which, as in one:"):
        sources.find(tmp_path / "a.swp")


def test_a_source_that_is_broken_is_told_and_not_offered(tmp_path):
    sources = table(tmp_path, sweep={"kind": "sink"}, swop={"api_version": 99})
    with pytest.raises(VideoError, match="no source called 'swoop'; sources: bag") as caught:
        sources.find("swoop:0")
    known, broken = str(caught.value).split("; broken: ")
    assert "swop" not in known
    assert "expected api_version 1, found 99" in broken
    assert "sweep (" in broken


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("camra:0", r"no source called 'camra'; did you mean 'camera'\? sources: bag, camera"),
        ("zzz:0", r"no source called 'zzz'; sources: bag, camera"),
        ("synthetik", r"found nothing at 'synthetik'"),
        ("gopher://old", r"no source reads gopher:// addresses.*known: .*https.*rtsp"),
        ("images", r"found none at 'images'; the source 'images' is told .* as images:PLACE"),
    ],
)
def test_what_is_unknown_is_told_with_what_is_known(place, told):
    with pytest.raises(VideoError, match=told):
        SourceTable(default_registry()).find(place)
