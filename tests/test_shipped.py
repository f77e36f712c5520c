"""What ships by name beside the classes of a model of one's own."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivemeta.core import BankRows, ClassSpec
from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.model_file import bank_of, read_model_file
from drivemeta.shipped import base_onnx, load_model, name_beside
from tests.helpers.cli import call


def with_own_class(bank, name="rocks"):
    """Return a bank with a class as `adapt` adds it: one row of level 2 below traffic_sign."""
    own = ClassSpec(name, "traffic_sign", "novel", 0.5, shots=5)
    row = np.zeros((1, bank.crop.weights.shape[1]), np.float32)
    row[0, 0] = 1
    root = np.array([bank.index("traffic_sign")])
    rows = BankRows(row, np.zeros(1, np.float32), np.array([len(bank.classes)]), root)
    return replace(bank, classes=(*bank.classes, own), crop=bank.crop + rows)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A model adapted from the shipped base."""
    path = tmp_path_factory.mktemp("own") / "own.onnx"
    edit_model(base_onnx(), path, with_own_class)
    return path


def test_kinds_are_named_beside_ones_own_classes_and_the_bank_grows(own, tmp_path, capsys):
    photos, out, both = tmp_path / "photos", tmp_path / "found", tmp_path / "both.onnx"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), draw_scene())
    words = ("detect", photos, "--model", own, "--name", "signs,vehicles", "--out", out)
    assert call(*words) == 0
    listed = json.loads((out / "coco.json").read_text())
    assert {"rocks", "no_entry", "bus", "red_light"} <= {c["name"] for c in listed["categories"]}
    assert call("bank", "add", own, "signs", "vehicles", "--out", both, "--json") == 0
    assert {"rocks", "no_entry", "bus"} <= set(json.loads(capsys.readouterr().out)["classes"])
    mine, named = (read_model_file(path) for path in (own, both))
    assert mine.manifest.bank.capacity == 256
    assert named.manifest.bank.capacity == 512
    kept, rows = bank_of(mine), bank_of(named)
    assert rows.classes[: len(kept.classes)] == kept.classes
    np.testing.assert_array_equal(
        kept.crop.weights[kept.crop.owners == kept.index("rocks")],
        rows.crop.weights[rows.crop.owners == rows.index("rocks")],
    )
    assert load_model(own, named=["vehicles", "signs"], provider="cpu").classes == rows.names


def test_the_file_is_made_once(own):
    path, notes = name_beside(own, ["vehicles"])
    before = path.stat().st_mtime_ns
    assert name_beside(own, ["vehicles"]) == (path, notes)
    assert path.stat().st_mtime_ns == before
    assert name_beside(own, ["signs"])[0] != path


def test_a_class_that_is_shipped_too_is_told(own, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    edit_model(base_onnx(), model, lambda bank: with_own_class(bank, "no_entry"))
    assert call("bank", "add", model, "signs", "--out", tmp_path / "both.onnx") == 0
    assert (
        "signs: named as the model learnt them, not as shipped: no_entry" in capsys.readouterr().err
    )
    edit_model(base_onnx(), model, lambda bank: with_own_class(bank, "bus"))
    with pytest.raises(InputError, match="own class 'bus' is no kind of vehicle"):
        name_beside(model, ["vehicles"])


def test_a_model_of_another_base_is_refused(tiny_model):
    with pytest.raises(ModelFileError, match=r"shipped base's .* found .*tiny\.onnx.*protonet"):
        load_model(tiny_model, named=["signs"])
