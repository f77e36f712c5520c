"""`drivemeta eval`, from the command line to its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivemeta.cli.main import main
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.detector import OnnxDetector


def run(*arguments: object) -> int | str | None:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as exited:
        main([str(argument) for argument in arguments])
    return exited.value.code


@pytest.fixture(scope="module")
def annotations(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes of which what the model finds surely is the truth; two are of split val."""
    folder = tmp_path_factory.mktemp("scenes")
    detector = OnnxDetector(tiny_model, provider="cpu", threads=1)
    categories = ["Traffic Sign", "leaf1", "lorry", "dog"]
    names = {"traffic_sign": 0, "leaf1": 1, "vehicle": 2}
    data: dict[str, Any] = {"images": [], "annotations": []}
    data["categories"] = [{"id": i, "name": name} for i, name in enumerate(categories)]
    for number in range(3):
        frame = draw_scene((240, 320), seed=number)
        cv2.imwrite(str(folder / f"{number}.png"), frame)
        split = "val" if number else "train"
        image = {"id": number, "file_name": f"{number}.png", "width": 320, "height": 240}
        data["images"].append(image | {"split": split})
        found = detector([frame], min_score=0.001)[0]
        for box, name in zip(found.boxes[:40], found.names[:40], strict=True):
            if name in names:
                x, y, right, bottom = box.tolist()
                row = {"id": len(data["annotations"]), "image_id": number}
                row |= {"category_id": names[name], "bbox": [x, y, right - x, bottom - y]}
                data["annotations"].append(row)
    path = folder / "annotations.json"
    path.write_text(json.dumps(data))
    (folder / "map.yaml").write_text("lorry: vehicle\n")
    return path


def test_json_holds_what_the_design_says(
    annotations: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = annotations.with_name("map.yaml")
    arguments = ["--data", annotations, "--model", tiny_model, "--map", mapping]
    options = ["--provider", "cpu", "--at-thresholds", "--json"]
    assert run("eval", *arguments, *options) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert set(report) >= {"ap50", "classes", "images", "seconds", "provider"}
    assert set(report["ap50"]) == {"all", "base", "novel"}
    assert set(report["classes"]) == {"vehicle", "traffic_sign", "leaf1"}
    leaf = report["classes"]["leaf1"]
    assert set(leaf) == {"ap", "ap50", "n_boxes", "origin"}
    assert leaf["origin"] == "novel"
    assert leaf["ap50"] > 0.5
    assert report["ap50"]["novel"] == leaf["ap50"]
    assert (report["images"], report["provider"]) == (3, "cpu")
    points = report["operating_points"]["leaf1"]
    assert np.isfinite(points["false_alarms_per_minute"])
    assert "leaf1" in printed.err
    assert report["left_out"] == {"dog": 0}
    assert "left out, as no class of the model: dog (0 boxes)" in printed.err


def test_split_and_limit(
    annotations: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", annotations, "--model", tiny_model, "--provider", "cpu", "--json"]
    counts = []
    for options in (["--split", "val"], ["--limit", 1]):
        assert run("eval", *common, *options) == 0
        counts.append(json.loads(capsys.readouterr().out)["images"])
    assert counts == [2, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--data": "none.json"}, "none.json: no such file"),
        ({"--split": "vall"}, "did you mean 'val'"),
        ({"--map": "none.yaml"}, "cannot read the map of classes none.yaml"),
        ({"--model": "none.onnx"}, "none.onnx"),
        ({"--images": "none"}, "expected the folder of the images"),
    ],
)
def test_wrong_input_exits_2_with_one_message(
    annotations: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    words: str,
) -> None:
    options = {"--data": annotations, "--model": tiny_model, "--provider": "cpu"} | changes
    flat = [part for option in options.items() for part in option]
    assert run("eval", *flat) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
