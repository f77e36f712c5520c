"""`drivemeta export` of model files, in other precisions."""

import json

import cv2
import pytest

from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.cli import call
from tests.helpers.int8 import random_networks_allowed


@pytest.fixture(scope="module")
def data(tiny_model, tmp_path_factory):
    """Annotations whose boxes are what the fp32 model finds, in frames that int8 is fitted to."""
    folder = tmp_path_factory.mktemp("data")
    detector = OnnxDetector(tiny_model, provider="cpu")
    names = list(detector.classes)
    images, annotations = [], []
    for i in range(2):
        frame = draw_scene((180, 320), i)
        cv2.imwrite(str(folder / f"{i}.png"), frame)
        images.append({"id": i, "file_name": f"{i}.png", "height": 180, "width": 320})
        (found,) = detector([frame], 0.001)
        for box, label in zip(found.boxes.tolist(), found.labels.tolist(), strict=True):
            x1, y1, x2, y2 = box
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": i,
                    "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
    used = {a["category_id"] for a in annotations}
    categories = [{"id": i, "name": name} for i, name in enumerate(names) if i in used]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "a.json").write_text(json.dumps(coco))
    return folder


@pytest.mark.slow
def test_int8_is_gated_on_average_precision(tiny_model, data, tmp_path, capsys):
    out = tmp_path / "int8.onnx"
    words = ["export", tiny_model, "--precision", "int8", "--frames", data, "--out", out]
    words += ["--data", data / "a.json"]
    with random_networks_allowed():
        assert call(*words, "--max-loss", "100", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["precision"] == "int8"
    assert report["ap50"]["images"] == 2
    loss = max(report["ap50"]["loss"].values())
    assert loss > 1  # of a random network
    out.unlink()
    with random_networks_allowed():
        assert call(*words, "--max-loss", "0.5") == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_fp16_of_a_model_file(tiny_model, tmp_path, capsys):
    out = tmp_path / "half.onnx"
    assert call("export", tiny_model, "--precision", "fp16", "--bank", "baked", "--out", out) == 0
    manifest = read_model_file(out).manifest
    assert (manifest.precision, manifest.bank.mode) == ("fp16", "baked")
    assert "fp16" in capsys.readouterr().err


@pytest.mark.slow
def test_int8_without_frames_or_data_warns(tiny_model, tmp_path, capsys):
    out = tmp_path / "int8.onnx"
    words = ["export", tiny_model, "--precision", "int8", "--n-frames", "2", "--out", out]
    with random_networks_allowed():
        assert call(*words) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "calibrated on drawn scenes" in said
    assert "not measured" in said
    assert "of either have no partner" in said


@pytest.mark.slow
def test_int8_that_finds_something_else_is_refused_without_data(tiny_model, tmp_path, capsys):
    words = ["--precision", "int8", "--n-frames", "2", "--out", tmp_path / "int8.onnx"]
    assert call("export", tiny_model, *words) == 1  # a random network spreads every rounding
    assert "what the model before finds" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--input-size", "64x128"), "was made from another base"),
        (("--frame-size", "64"), "expected HEIGHTxWIDTH"),
        (("--precision", "int8", "--frames", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_exit_with_2(tiny_model, tmp_path, capsys, words, message):
    assert call("export", tiny_model, *words, "--out", tmp_path / "x.onnx") == 2
    assert message in capsys.readouterr().err
