"""Manifests: every mistake is told, with the file."""

import pytest

from drivemeta.errors import PluginError
from drivemeta.plugins.manifest import folder_of, load_manifest, parse_manifest

GOOD = {
    "name": "flow",
    "kind": "tracker",
    "entry": "tracker:Flow",
    "api_version": 1,
    "summary": "Follows.",
}


def test_a_good_one_is_read():
    manifest = parse_manifest(GOOD, "here")
    assert (manifest.name, manifest.kind, manifest.version) == ("flow", "tracker", "")


def test_all_mistakes_come_at_once():
    wrong = GOOD | {"kind": "trackr", "entry": "Flow", "colour": "red"}
    with pytest.raises(PluginError) as caught:
        parse_manifest(wrong, "here")
    assert all(word in str(caught.value) for word in ("here", "kind", "entry", "colour"))


def test_a_source_says_what_it_reads():
    reads = {"suffixes": [".lidar", "*"], "schemes": ["ros+tcp"], "folders": ["scene.json"]}
    manifest = parse_manifest({**GOOD, "kind": "source", "place": "path", **reads}, "here")
    assert (manifest.place, manifest.suffixes) == ("path", (".lidar", "*"))
    assert parse_manifest({**GOOD, "kind": "source"}, "here").place == "place"


@pytest.mark.parametrize(
    "wrong", [{"suffixes": ["mp4"]}, {"suffixes": [".MP4"]}, {"schemes": ["rtsp://"]}]
)
def test_what_a_source_cannot_read_is_told(wrong):
    with pytest.raises(PluginError, match=next(iter(wrong))):
        parse_manifest({**GOOD, "kind": "source", **wrong}, "here")


def test_only_sources_say_what_they_read():
    with pytest.raises(PluginError, match="suffixes: is for sources only"):
        parse_manifest({**GOOD, "suffixes": [".mp4"]}, "here")


def test_another_api_version_is_refused():
    with pytest.raises(PluginError, match="expected api_version 1, found 2"):
        parse_manifest(GOOD | {"api_version": 2}, "here")


@pytest.mark.parametrize("text", ["name: [", "- a\n- list", "", "\tname: x"])
def test_what_is_no_manifest_names_the_file(tmp_path, text):
    path = tmp_path / "plugin.yaml"
    path.write_text(text)
    with pytest.raises(PluginError, match=str(path)):
        load_manifest(path)


def test_a_missing_one_names_the_file(tmp_path):
    with pytest.raises(PluginError, match="cannot read the plugin manifest"):
        load_manifest(tmp_path / "plugin.yaml")


def test_an_unknown_kind_has_no_folder():
    with pytest.raises(ValueError, match=r"expected one of learner, .* found 'lerner'"):
        folder_of("lerner")
