import json

import pytest
from PIL import Image

from drivemeta.cli.main import main


@pytest.mark.slow
def test_the_demo_learns_a_sign_and_finds_it(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--out", str(tmp_path / "demo"), "--frames", "30", "--json"])
    assert stopped.value.code in (0, None)
    report = json.loads(capsys.readouterr().out)
    assert report["class"] == "falling_rocks"
    assert report["shots"] == 5
    assert report["clip"]["frames"] == 30
    for path in report["files"].values():
        assert (tmp_path / path).stat().st_size > 0
    if report["clip"]["signs_found"]:
        with Image.open(report["files"]["poster"]) as poster:
            assert poster.width == 960


def test_a_sign_of_training_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--out", str(tmp_path), "--sign", "ise"])
    assert stopped.value.code == 2
    assert "did you mean 'ice'" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--out", str(tmp_path / "file" / "demo")])
    assert stopped.value.code == 1
    assert "cannot make the folder" in capsys.readouterr().err
