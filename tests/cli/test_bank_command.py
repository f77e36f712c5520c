"""`drivemeta bank` from the command line."""

import json

import pytest

from drivemeta.runtime.model_file import read_model_file
from tests.helpers.cli import call


def test_classes_are_listed(tiny_model, capsys):
    assert call("bank", "list", tiny_model, "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in listed["classes"]}
    assert rows["leaf0"]["crop_rows"] == 2
    assert rows["vehicle"]["dense_rows"] == 1
    assert listed["distractor_rows"] == 2
    assert listed["bank"]["capacity"] == 256
    assert call("bank", "list", tiny_model) == 0
    assert "leaf0" in capsys.readouterr().err


def test_rename_remove_and_merge(tiny_model, tmp_path, capsys):
    left, right, both = (tmp_path / f"{name}.onnx" for name in ("left", "right", "both"))
    leaves = [f"leaf{i}" for i in range(6)]
    assert call("bank", "remove", tiny_model, *leaves[3:], "--out", left) == 0
    assert call("bank", "remove", tiny_model, *leaves[:3], "--out", right, "--json") == 0
    assert json.loads(capsys.readouterr().out)["classes"][5:] == leaves[3:]
    assert call("bank", "merge", left, right, "--out", both) == 0
    assert sorted(read_model_file(both).manifest.names[5:]) == leaves
    renamed = ("bank", "rename", both, "leaf0=rocks", "leaf1=ice", "--out", both)
    assert call(*renamed) == 2
    assert (
        "both.onnx is there already; name another file, or say --force" in capsys.readouterr().err
    )
    assert call(*renamed, "--force") == 0
    assert "rocks" in read_model_file(both).manifest.names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("remove", "{model}", "lea0"), "did you mean 'leaf0'"),
        (("rename", "{model}", "leaf0"), "expected OLD=NEW"),
        (("merge", "{model}", "{model}"), "class of their own called leaf0"),
    ],
)
def test_mistakes_exit_with_2_and_a_reason(tiny_model, tmp_path, capsys, words, message):
    words = [word.replace("{model}", str(tiny_model)) for word in words]
    assert call("bank", *words, "--out", tmp_path / "out.onnx") == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
