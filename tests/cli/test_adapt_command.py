"""`drivemeta adapt` from files to files."""

import json

import pytest
from typer.testing import CliRunner

from drivemeta.cli.main import app
from drivemeta.demo.material import write_support
from drivemeta.errors import InputError


@pytest.mark.slow
def test_a_report_beside_the_model_and_a_class_added_later(tmp_path):
    rocks = write_support(tmp_path / "rocks", "falling_rocks", 0, (270, 480))
    out = tmp_path / "signs.onnx"
    given = ["adapt", str(rocks), "--out", str(out), "--shots", "3", "--report", "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
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
