"""`drivemeta adapt` from files to files."""

import json

import pytest
from typer.testing import CliRunner

from drivemeta.cli.main import app
from drivemeta.demo.material import write_support
from drivemeta.errors import InputError, ParityError, PluginNotFoundError
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.plugins import LEARNER, write_plugin


def test_the_learner_is_set_and_found_as_the_call_says(tmp_path):
    rocks = write_support(tmp_path / "rocks", "falling_rocks", 0, (270, 480))
    given = ["adapt", str(rocks), "--out", str(tmp_path / "signs.onnx"), "--learner", "mine"]
    manifest = {"kind": "learner", "entry": "module:Mine"}
    write_plugin(tmp_path / "more" / "learners" / "mine", LEARNER, **manifest)
    unknown = CliRunner().invoke(app, given)
    assert isinstance(unknown.exception, PluginNotFoundError)
    told = CliRunner().invoke(
        app, ["--plugin-path", str(tmp_path / "more"), *given, "--set", "mine.n_backgroud=3"]
    )
    assert isinstance(told.exception, InputError)
    assert "did you mean 'n_background'" in str(told.exception)


@pytest.mark.parametrize("command", ["adapt", "export"])
def test_a_model_that_is_there_stays_unless_told(command, tmp_path):
    out = tmp_path / "signs.onnx"
    out.write_bytes(b"mine")
    given = [command, str(tmp_path / "none"), "--out", str(out)]
    refused = CliRunner().invoke(app, given)
    assert isinstance(refused.exception, InputError)
    assert "say --force" in str(refused.exception)
    gone_on = CliRunner().invoke(app, [*given, "--force"])
    assert "--force" not in str(gone_on.exception)
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize("command", ["adapt", "export"])
def test_a_command_that_fails_leaves_no_folder(command, tmp_path):
    out = tmp_path / "new" / "folder" / "signs.onnx"
    assert CliRunner().invoke(app, [command, str(tmp_path / "none"), "--out", str(out)]).exception
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_model_that_its_probe_disproves_fails_the_command(tmp_path, monkeypatch):
    def disproved(file, provider):
        raise ParityError(f"{file.path} does not find what it promises on {provider}")

    monkeypatch.setattr("drivemeta.export.verify.repeat_probe", disproved)
    rocks = write_support(tmp_path / "rocks", "falling_rocks", 0, (270, 480))
    given = ["adapt", str(rocks), "--out", str(tmp_path / "a.onnx"), "--shots", "1", "--json"]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, ParityError)
    assert not result.stdout


@pytest.mark.slow
def test_a_report_beside_the_model_and_a_class_added_later(tmp_path):
    rocks = write_support(tmp_path / "rocks", "falling_rocks", 0, (270, 480))
    out = tmp_path / "signs.onnx"
    given = ["adapt", str(rocks), "--out", str(out), "--shots", "3", "--report", "--json"]
    result = CliRunner().invoke(app, [*given, "--set", "protonet.n_background=3"])
    assert result.exit_code == 0, result.output
    assert read_model_file(out).manifest.learner.params["n_background"] == 3
    report = json.loads(result.stdout)
    assert report == json.loads(out.with_suffix(".report.json").read_text())
    assert len(report["support"]["shots"]) == 3
    assert {row["n_boxes"] for row in report["expected_ap50"]} == {3}
    for suffix in (".crops.png", ".report.png", ".report.md"):
        assert out.with_suffix(suffix).is_file()
    again = ["adapt", str(rocks), "--out", str(tmp_path / "two.onnx"), "--from", str(out)]
    refused = CliRunner().invoke(app, again)
    assert isinstance(refused.exception, InputError)
    extended = CliRunner().invoke(app, [*again, "--extend", "--json"])
    assert extended.exit_code == 0, extended.output
