"""What ships by name beside the classes of a model of one's own."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivemeta import shipped
from drivemeta.banks import named
from drivemeta.banks.named import NamedBank, load_bank, save_bank
from drivemeta.core import BankRows, ClassSpec
from drivemeta.errors import ModelFileError
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.model_file import bank_of, read_model_file
from drivemeta.shipped import base_onnx, load_model, name_beside
from tests.helpers.cli import call

SIGNS = ("no_entry", *(f"sign{i}" for i in range(299)), "background")


@pytest.fixture
def small(tiny_model, tmp_path, monkeypatch):
    """Let the shipped base be the tiny model, with a bank of 300 signs and one of vehicles."""
    monkeypatch.setattr(shipped, "base_onnx", lambda _=(): tiny_model)
    monkeypatch.setattr(named, "NAMED_BANKS", tmp_path / "banks")
    load_bank.cache_clear()
    rng = np.random.default_rng(0)
    for name, parent, names in (
        ("signs", "traffic_sign", SIGNS),
        ("vehicles", "vehicle", ("car", "bus")),
    ):
        rows = rng.normal(size=(len(names), 128))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        save_bank(tmp_path / "banks" / f"{name}.safetensors", NamedBank(parent, names, rows))
    yield tiny_model
    load_bank.cache_clear()


def with_own_class(bank, name="rocks"):
    """Return a bank with a class as `adapt` adds it: one row of level 2 below traffic_sign."""
    own = ClassSpec(name, "traffic_sign", "novel", 0.5, shots=5)
    row = np.zeros((1, bank.crop.weights.shape[1]), np.float32)
    row[0, 0] = 1
    root = np.array([bank.index("traffic_sign")])
    rows = BankRows(row, np.zeros(1, np.float32), np.array([len(bank.classes)]), root)
    return replace(bank, classes=(*bank.classes, own), crop=bank.crop + rows)


def named_in(model, bank, tmp_path, capsys):
    """Return the names of a model with a bank beside it, and what was told."""
    words = ("bank", "add", model, bank, "--out", tmp_path / "both.onnx", "--force")
    assert call(*words) == 0
    return read_model_file(tmp_path / "both.onnx").manifest.names, capsys.readouterr().err


def test_a_base_is_made_anew_where_anything_that_it_is_made_from_has_changed(tmp_path):
    shipped._made_from.cache_clear()
    before = shipped._made_from()
    bank = NamedBank("traffic_sign", ("no_entry",), np.eye(1, 128))
    with pytest.MonkeyPatch.context() as patch:
        for place in ("NAMED_BANKS", "BASE_WEIGHTS", "THING_WEIGHTS"):
            folder = tmp_path / place
            save_bank(folder / "signs.safetensors", bank)
            other = folder if place == "NAMED_BANKS" else folder / "signs.safetensors"
            patch.setattr(shipped, place, other)
            shipped._made_from.cache_clear()
            found = shipped._made_from()
            assert found != before
            before = found
    shipped._made_from.cache_clear()


def test_kinds_are_named_beside_ones_own_classes_and_the_bank_grows(small, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "found"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), draw_scene((128, 192)))
    words = ("detect", photos, "--model", small, "--name", "signs,vehicles", "--out", out)
    assert call(*words, "--min-score", "0", "--provider", "cpu") == 0
    listed = {c["name"] for c in json.loads((out / "coco.json").read_text())["categories"]}
    assert {"leaf0", "no_entry", "sign298", "bus"} <= listed
    found = json.loads((out / "detections.json").read_text())["images"][0]["objects"]
    assert {each["name"] for each in found} & {*SIGNS, "car", "bus"}
    detector = load_model(small, named=["vehicles", "signs"], provider="cpu")
    mine, both = read_model_file(small), detector.manifest
    assert (mine.manifest.bank.capacity, both.bank.capacity) == (256, 512)
    assert both.classes[: len(mine.manifest.classes)] == mine.manifest.classes


def test_the_file_is_made_once(small):
    path, notes = name_beside(small, ["vehicles"])
    before = path.stat().st_mtime_ns
    assert name_beside(small, ["vehicles"]) == (path, notes)
    assert path.stat().st_mtime_ns == before


def test_a_class_that_is_shipped_too_is_told(small, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    edit_model(small, model, lambda bank: with_own_class(bank, "no_entry"))
    names, told = named_in(model, "signs", tmp_path, capsys)
    assert "sign0" in names
    assert "signs: named as the model learnt them, not as shipped: no_entry" in told


def test_a_model_of_another_base_is_refused(small, monkeypatch):
    file = read_model_file(small)
    digests = file.manifest.digests.model_copy(update={"weights": "1" * 64})
    other = file.manifest.model_copy(update={"digests": digests})
    monkeypatch.setattr(shipped, "read_model_file", lambda path: replace(file, manifest=other))
    monkeypatch.setattr(shipped, "_weights_of_base", lambda: "0" * 64)
    with pytest.raises(ModelFileError, match=r"shipped base's .* found 1.*tiny\.onnx.*protonet"):
        load_model(small, named=["signs"])


@pytest.mark.slow
def test_shipped_signs_and_vehicles_stand_beside_a_class_of_ones_own(tmp_path, capsys):
    own = tmp_path / "own.onnx"
    edit_model(base_onnx(), own, with_own_class)
    names, told = named_in(own, "signs", tmp_path, capsys)
    assert {"rocks", "no_entry", "red_light"} <= set(names)
    assert "not" not in told.replace("another", "")
    kept = bank_of(read_model_file(own))
    rows = bank_of(read_model_file(tmp_path / "both.onnx"))
    np.testing.assert_array_equal(
        kept.crop.weights[kept.crop.owners == kept.index("rocks")],
        rows.crop.weights[rows.crop.owners == rows.index("rocks")],
    )
    assert rows.classes[: len(kept.classes)] == kept.classes
