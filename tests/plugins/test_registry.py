"""Discovery from folders and the registry: what is found, refused and suggested."""

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from drivemeta.cli.main import main
from drivemeta.errors import InputError, PluginError, PluginNotFoundError
from drivemeta.plugins import Registry, default_registry
from drivemeta.plugins.discovery import ENVIRONMENT, discover
from drivemeta.plugins.kinds import KINDS
from tests.helpers.plugins import TRACKER, write_plugin


def registry(*paths: Path) -> Registry:
    return Registry(discover(paths))


def test_the_built_in_learner_is_found():
    found = default_registry().find("learner", "protonet")
    assert found.origin == "built-in"
    assert "1703.05175" in found.manifest.paper


def test_a_folder_laid_out_like_the_built_in_one(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    found = registry(tmp_path).find("tracker", "still")
    assert found.origin == str(tmp_path)


def test_a_plugin_folder_itself(tmp_path):
    folder = write_plugin(tmp_path / "still")
    assert registry(folder).find("tracker", "still").folder == folder


def test_folders_of_the_environment(tmp_path, monkeypatch):
    write_plugin(tmp_path / "trackers" / "still")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert "still" in default_registry().names("tracker")
    monkeypatch.delenv(ENVIRONMENT)
    assert "still" not in default_registry().names("tracker")


def test_only_manifests_are_read_before_a_plugin_is_selected(tmp_path):
    write_plugin(tmp_path / "trackers" / "loud", "raise RuntimeError('imported')")
    loud = registry(tmp_path)
    assert loud.find("tracker", "loud").manifest is not None
    with pytest.raises(PluginError, match="RuntimeError: imported"):
        loud.load("tracker", "loud")


def test_a_failed_import_is_tried_again(tmp_path):
    folder = write_plugin(tmp_path / "trackers" / "mended", "import no_such_module")
    found = registry(tmp_path)
    with pytest.raises(PluginError, match=r"'mended' from .*no_such_module"):
        found.load("tracker", "mended")
    (folder / "module.py").write_text(textwrap.dedent(TRACKER))
    assert found.load("tracker", "mended").__name__ == "Still"


def test_the_extra_it_needs_is_named(tmp_path):
    write_plugin(tmp_path / "trackers" / "wants", "import no_such_module", extra="flow")
    with pytest.raises(PluginError, match=r"pip install 'drivemeta\[flow\]'"):
        registry(tmp_path).load("tracker", "wants")


def test_parameters_reach_the_class_by_name(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    still = registry(tmp_path).create("tracker", "still", patience=7, gate=0.1)
    assert (still.patience, still.gate) == (7, 0.1)


def test_modules_have_names_of_their_own(tmp_path):
    write_plugin(tmp_path / "a" / "trackers" / "one")
    write_plugin(tmp_path / "b" / "trackers" / "two")
    found = registry(tmp_path / "a", tmp_path / "b")
    one, two = found.load("tracker", "one"), found.load("tracker", "two")
    assert one is not two
    assert one.__module__.startswith("drivemeta_plugins.tracker")
    assert sys.modules[one.__module__].Still is one


def test_an_unknown_parameter_suggests_the_nearest(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    with pytest.raises(InputError, match="no parameter 'patiense'; did you mean 'patience'"):
        registry(tmp_path).create("tracker", "still", patiense=7)


def test_a_missing_parameter_is_named(tmp_path):
    code = TRACKER.replace("patience: int = 3", "patience: int")
    write_plugin(tmp_path / "trackers" / "still", code)
    with pytest.raises(InputError, match="needs the parameter 'patience'"):
        registry(tmp_path).create("tracker", "still")


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(PluginNotFoundError, match="unknown learner 'protonte'; did you mean"):
        default_registry().create("learner", "protonte")


def test_an_unknown_name_tells_what_is_broken(tmp_path):
    write_plugin(tmp_path / "trackers" / "stray", kind="sink")
    write_plugin(tmp_path / "trackers" / "Loud")
    found = registry(tmp_path, tmp_path / "nowhere")
    with pytest.raises(PluginNotFoundError, match=r"^unknown tracker 'stray'; known: ") as caught:
        found.find("tracker", "stray")
    said = str(caught.value)
    known, broken = said.split("; broken: ")
    assert "Loud" not in known
    assert "stray (" in broken
    assert "expected kind tracker by its folder, found sink" in broken
    assert "Loud (invalid plugin manifest" in broken
    assert f"nowhere (expected a folder of plugins, found none at {tmp_path}/nowhere)" in broken
    assert broken.endswith("; see `drivemeta plugins`")
    with pytest.raises(PluginNotFoundError, match=r"unknown tracker 'loud'; known: .*; broken: "):
        found.find("tracker", "loud")
    with pytest.raises(PluginNotFoundError, match=r"did you mean 'bytetrack'\?$"):
        default_registry().find("tracker", "bytetrac")


def test_a_clash_names_both_origins(tmp_path):
    for place in ("a", "b"):
        write_plugin(tmp_path / place / "trackers" / "still")
    with pytest.raises(PluginError, match="two plugins are called tracker 'still'") as caught:
        registry(tmp_path / "a", tmp_path / "b").find("tracker", "still")
    assert str(tmp_path / "a") in str(caught.value)
    assert str(tmp_path / "b") in str(caught.value)


def test_the_example_plugin_fits():
    example = Path(__file__).parents[1] / "example_plugin" / "drivemeta_example" / "overlap"
    assert registry(example).load("tracker", "overlap").__name__ == "OverlapTracker"


def test_the_same_name_under_another_kind_is_no_clash(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    write_plugin(tmp_path / "sinks" / "still", kind="sink")
    assert registry(tmp_path).find("tracker", "still").kind == "tracker"


@pytest.mark.parametrize(
    ("was", "now", "expected", "actual"),
    [
        ("update(self, detections, frame)", "update(self, detections)", "frame: 'Frame'", None),
        ("def reset(self)", "def forget(self)", "reset(self)", "no method 'reset'"),
        ("def reset(self)", "def reset(self, hard)", "reset(self)", "reset(self, hard)"),
        ("(self, detections, frame)", "(self, frame, detections)", "detections: 'Detec", None),
        ("(self, detections, frame)", "(self, found, image)", "detections: 'Detec", None),
        ("(self, detections, frame)", "(self, detections, *, frame)", "detections: 'Detec", None),
        ("(self, detections, frame)", "(self, frame, *rest)", "detections: 'Detec", None),
    ],
)
def test_what_does_not_fit_is_refused_with_both_signatures(tmp_path, was, now, expected, actual):
    write_plugin(tmp_path / "trackers" / "odd", TRACKER.replace(was, now))
    with pytest.raises(PluginError, match="does not fit the tracker protocol") as caught:
        registry(tmp_path).load("tracker", "odd")
    assert expected in str(caught.value)
    assert (actual or now) in str(caught.value)


@pytest.mark.parametrize(
    "taken",
    [
        "self, detections, _frame",
        "this, _detections, frame",
        "self, detections, frame, gate=0.5",
        "self, detections, /, frame",
        "self, detections, *rest",
        "*args, **kwargs",
    ],
)
def test_what_can_be_called_in_the_order_of_the_protocol_fits(tmp_path, taken):
    code = TRACKER.replace("self, detections, frame", taken).replace("return detections", "pass")
    write_plugin(tmp_path / "trackers" / "odd", code)
    assert registry(tmp_path).load("tracker", "odd").__name__ == "Still"


@pytest.mark.parametrize(
    "found", [f for f in default_registry() if f.origin == "built-in"], ids=lambda f: f.name
)
def test_every_built_in_plugin_fits(found):
    try:
        default_registry().load(found.kind, found.name)
    except PluginError as error:
        if found.manifest.extra is None or not isinstance(error.__cause__, ImportError):
            raise
        pytest.skip(f"the extra {found.manifest.extra} is not installed")


def test_static_methods_fit_too(tmp_path):
    code = TRACKER.replace("        def reset(self)", "        @staticmethod\n        def reset()")
    write_plugin(tmp_path / "trackers" / "odd", code)
    assert registry(tmp_path).load("tracker", "odd").__name__ == "Still"


def test_the_modules_of_a_plugin_may_import_each_other(tmp_path):
    code = "from .helper import BASE\n" + textwrap.dedent(TRACKER).replace("Still:", "Still(BASE):")
    folder = write_plugin(tmp_path / "trackers" / "two-files", code)
    (folder / "helper.py").write_text("class BASE: pass")
    loaded = registry(tmp_path).load("tracker", "two-files")
    assert loaded.__module__ == "drivemeta_plugins.tracker.two-files.module"


def test_a_plugin_of_the_same_name_from_another_folder_is_another(tmp_path):
    for place in ("a", "b"):
        write_plugin(tmp_path / place / "trackers" / "still", TRACKER + f"    WHERE = '{place}'")
    loaded = [registry(tmp_path / p).load("tracker", "still") for p in ("a", "b")]
    assert [sys.modules[each.__module__].WHERE for each in loaded] == ["b", "b"]
    assert loaded[0] is not loaded[1]


def test_a_plugin_that_exits_when_imported_is_broken(tmp_path):
    write_plugin(tmp_path / "trackers" / "rude", "import sys; sys.exit(3)")
    with pytest.raises(PluginError, match=r"'rude' from .* cannot be imported: SystemExit"):
        registry(tmp_path).load("tracker", "rude")


def test_values_are_converted_to_the_annotated_types(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    still = registry(tmp_path).create("tracker", "still", patience="7")
    assert still.patience == 7


def test_all_wrong_parameters_come_at_once(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    with pytest.raises(InputError) as caught:
        registry(tmp_path).create("tracker", "still", patience="long", gat=1)
    assert "parameter 'patience': expected a whole number" in str(caught.value)
    assert "no parameter 'gat'; did you mean 'gate'?" in str(caught.value)


def test_what_is_no_class_is_refused(tmp_path):
    write_plugin(tmp_path / "trackers" / "value", "Still = 3")
    with pytest.raises(PluginError, match="expected a class, found int"):
        registry(tmp_path).load("tracker", "value")


def test_a_class_that_is_not_there_is_named(tmp_path):
    write_plugin(tmp_path / "trackers" / "empty", "")
    with pytest.raises(PluginError, match="Still"):
        registry(tmp_path).load("tracker", "empty")


def test_a_module_that_is_not_there_is_named(tmp_path):
    write_plugin(tmp_path / "trackers" / "lost", entry="elsewhere:Still")
    with pytest.raises(
        PluginError, match=r"cannot be imported: expected its module at .*elsewhere\.py"
    ):
        registry(tmp_path).load("tracker", "lost")


def test_a_syntax_error_names_the_path_of_its_file(tmp_path):
    folder = write_plugin(tmp_path / "trackers" / "typo", "def x(:")
    with pytest.raises(PluginError, match=rf"SyntaxError: .*\({folder}/module\.py, line 1\)"):
        registry(tmp_path).load("tracker", "typo")


def test_a_broken_plugin_is_shown_and_harms_no_other(tmp_path):
    write_plugin(tmp_path / "trackers" / "still")
    write_plugin(tmp_path / "trackers" / "broken", api_version=99)
    found = registry(tmp_path)
    shown = next(f for f in found if f.name == "broken")
    assert "expected api_version 1, found 99" in shown.problem
    assert found.load("tracker", "still").__name__ == "Still"
    with pytest.raises(PluginError, match=r"is broken: .*found 99"):
        found.load("tracker", "broken")


def test_a_kind_that_its_folder_denies_is_a_problem(tmp_path):
    write_plugin(tmp_path / "trackers" / "stray", kind="sink")
    shown = next(f for f in registry(tmp_path) if f.name == "stray")
    assert "expected kind tracker by its folder, found sink" in shown.problem


def test_a_folder_that_is_not_there_is_shown(tmp_path):
    shown = list(registry(tmp_path / "nowhere"))[-1]
    assert "expected a folder of plugins" in shown.problem


def test_the_command_lists_broken_ones_too(tmp_path, capsys):
    write_plugin(tmp_path / "trackers" / "broken", "import no_such_module", version="1.2")
    with pytest.raises(SystemExit) as done:
        main(["plugins", "--plugin-path", str(tmp_path), "--json"])
    assert done.value.code == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["plugins"]}
    assert rows["protonet"]["state"] == "ok"
    assert rows["protonet"]["summary"]
    assert "no_such_module" in rows["broken"]["state"]
    assert rows["broken"]["version"] == "1.2"
    assert rows["broken"]["origin"] == str(tmp_path)


@pytest.mark.parametrize("before", [True, False])
def test_a_folder_is_given_before_or_after_the_command(tmp_path, monkeypatch, capsys, before):
    write_plugin(tmp_path / "trackers" / "still")
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    words, given = ["plugins", "show", "still", "--json"], ["--plugin-path", str(tmp_path)]
    with pytest.raises(SystemExit) as done:
        main([*given, *words] if before else [*words, *given])
    assert done.value.code == 0
    (shown,) = json.loads(capsys.readouterr().out)["plugins"]
    assert [row["name"] for row in shown["parameters"]] == ["patience", "gate"]
    assert not os.environ.get(ENVIRONMENT)


def test_a_folder_that_is_named_twice_counts_once(tmp_path, monkeypatch):
    write_plugin(tmp_path / "trackers" / "still")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert registry(tmp_path, tmp_path / "trackers" / "..").find("tracker", "still").manifest


def test_a_call_of_the_command_finds_its_plugins_once(tmp_path, monkeypatch):
    write_plugin(tmp_path / "trackers" / "still")
    calls = []

    def found(paths):
        calls.append(list(paths))
        return discover(calls[-1])

    monkeypatch.setattr("drivemeta.plugins.registry.discover", found)
    with pytest.raises(SystemExit):
        main(["--plugin-path", str(tmp_path), "plugins", "show", "still", "--json"])
    assert calls == [[tmp_path]]


def test_the_command_shows_manifest_and_parameters(capsys):
    with pytest.raises(SystemExit) as done:
        main(["plugins", "show", "protonet", "--json"])
    assert done.value.code == 0
    shown = json.loads(capsys.readouterr().out)["plugins"][0]
    assert shown["manifest"]["kind"] == "learner"
    assert "shots_per_prototype" in {row["name"] for row in shown["parameters"]}


def test_the_command_shows_types_as_they_are_written_and_a_place_of_sources_only(tmp_path, capsys):
    write_plugin(tmp_path / "trackers" / "still")
    shown = {}
    for name in ("still", "file"):
        with pytest.raises(SystemExit):
            main(["--plugin-path", str(tmp_path), "plugins", "show", name, "--json"])
        (shown[name],) = json.loads(capsys.readouterr().out)["plugins"]
    assert [row["type"] for row in shown["still"]["parameters"]] == ["int", "float"]
    assert "place" not in shown["still"]["manifest"]
    assert shown["file"]["manifest"]["place"]


def test_own_plugins_are_listed_with_their_kind(tmp_path, capsys):
    write_plugin(tmp_path / "trackers" / "still")
    with pytest.raises(SystemExit):
        main(["--plugin-path", str(tmp_path), "plugins", "--json"])
    rows = json.loads(capsys.readouterr().out)["plugins"]
    kinds = [row["kind"] for row in rows]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert "still" in {row["name"] for row in rows}


def test_the_command_suggests_the_nearest_name(capsys):
    with pytest.raises(SystemExit) as done:
        main(["plugins", "show", "protonte"])
    assert done.value.code == 2
    assert "did you mean 'protonet'" in capsys.readouterr().err
