"""A source that is nobody's built-in one is reached from the command line and from Python."""

import json
from pathlib import Path

import numpy as np
import pytest

from drivemeta.plugins import default_registry
from drivemeta.video.opening import open_source
from tests.helpers.cli import call

EXAMPLE = Path(__file__).parents[1] / "example_plugin" / "drivemeta_example" / "stack"


@pytest.fixture
def stacked(tmp_path, images) -> Path:
    """Write the frames as one array, under an ending that the plugin claims, and one that not."""
    path = tmp_path / "clip.npy"
    np.save(path, np.stack(images))
    (tmp_path / "clip.frames").write_bytes(path.read_bytes())
    return path


def places(stacked: Path) -> dict[str, str]:
    return {
        "path": str(stacked),
        "name": f"stack:{stacked.with_suffix('.frames')}",
        "address": f"npy://{stacked}",
    }


@pytest.mark.parametrize("way", ["path", "name", "address"])
def test_the_command_reads_it(stacked, tiny_model, tmp_path, images, capsys, way):
    words = ["process", places(stacked)[way], "--model", tiny_model, "--out", tmp_path / "run"]
    words += ["--plugin-path", EXAMPLE, "--sinks", "jsonl", "--set", "stack.fps=4", "--json"]
    assert call(*words) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == len(images)
    lines = (tmp_path / "run" / "detections.jsonl").read_text().splitlines()
    assert [json.loads(line)["time_s"] for line in lines[:3]] == [0.0, 0.25, 0.5]


def test_a_folder_of_such_files_is_many_videos(stacked, tiny_model, tmp_path, images, capsys):
    drives = tmp_path / "drives"
    drives.mkdir()
    for name in ("a.npy", "b.npy"):
        (drives / name).write_bytes(stacked.read_bytes())
    words = ["--plugin-path", EXAMPLE, "process", drives, "--model", tiny_model, "--json"]
    words += ["--out", tmp_path / "run", "--sinks", "jsonl", "--provider", "cpu"]
    assert call(*words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {name: row["summary"]["frames"] for name, row in rows.items()} == {
        "a.npy": len(images),
        "b.npy": len(images),
    }


def test_without_its_folder_the_command_says_what_is_known(stacked, tiny_model, tmp_path, capsys):
    words = ["process", f"stack:{stacked}", "--model", tiny_model, "--out", tmp_path / "run"]
    assert call(*words) == 2
    assert "no source called 'stack'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("way", ["path", "name", "address"])
def test_python_reads_it(stacked, images, way):
    source = open_source(places(stacked)[way], default_registry([EXAMPLE]))
    frames = list(source)
    assert len(frames) == source.info().n_frames == len(images)
    np.testing.assert_array_equal(frames[3].image, images[3])
