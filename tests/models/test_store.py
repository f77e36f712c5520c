"""Weights on disk: what is written comes back, and damage is told."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from drivemeta.core import BankRows, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError, OutputError, PluginError, PluginNotFoundError
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_detector, save_detector
from drivemeta.plugins import default_registry
from tests.helpers.detectors import build_detector
from tests.helpers.plugins import write_plugin


@pytest.fixture(scope="module")
def detector():
    built = build_detector(width=8, input_size=(128, 192))
    row = BankRows(
        np.eye(1, 128, dtype=np.float32),
        np.array([0.25], np.float32),
        np.array([5], np.int64),
        np.array([4], np.int64),
    )
    spec = ClassSpec("stop", "traffic_sign", "novel", 0.125, shots=3, low_confidence=True)
    built.bank = replace(built.bank, classes=(*built.bank.classes, spec), crop=row)
    built.scoring = Scoring(crop_scale=11.0)
    return built


def test_comes_back_in_half_precision(detector, tmp_path):
    path = tmp_path / "deep" / "base.safetensors"
    save_detector(path, detector, {"command": "make"})
    back = load_detector(path)
    assert back.bank.classes == detector.bank.classes
    assert replace(back.scoring, thing_scale=0.0) == detector.scoring
    assert back.things is not None  # that which ships stands beside every detector
    assert back.input_size == (128, 192)
    assert not back.training
    for level in ("dense", "crop"):
        for field in ("weights", "biases", "owners", "roots"):
            stored = getattr(getattr(back.bank, level), field)
            np.testing.assert_array_equal(stored, getattr(getattr(detector.bank, level), field))
            assert stored.dtype == getattr(getattr(detector.bank, level), field).dtype
    ours, theirs = detector.state_dict(), back.state_dict()
    for name, value in ours.items():
        torch.testing.assert_close(theirs[name], value.half().to(value.dtype), rtol=0, atol=0)


def test_parameters_that_are_no_json_are_told(detector, tmp_path):
    odd = detector.with_()
    odd.level1 = copy.copy(detector.level1)
    odd.level1.params = {"width": np.float32(8)}
    with pytest.raises(PluginError, match=r"Level1 of .*failed in `params`.*not JSON serializable"):
        save_detector(tmp_path / "base.safetensors", odd, {})


def test_level1_is_found_among_the_plugins_given(detector, tmp_path):
    code = """
        from drivemeta.plugins import default_registry

        class Mine(default_registry().load("detector", "lite")):
            pass
    """
    more, path = tmp_path / "more", tmp_path / "base.safetensors"
    write_plugin(more / "detectors" / "mine", code, kind="detector", entry="module:Mine")
    mine = default_registry([more]).create("detector", "mine", **detector.level1.params)
    given = (mine, detector.level2, detector.bank)
    save_detector(path, TwoLevelDetector(*given, architecture="mine"), {})
    assert type(load_detector(path, default_registry([more])).level1) is type(mine)
    with pytest.raises(PluginNotFoundError, match="unknown detector 'mine'"):
        load_detector(path)


def test_nothing_else_is_left_beside_it(detector, tmp_path):
    save_detector(tmp_path / "base.safetensors", detector, {})
    assert [path.name for path in tmp_path.iterdir()] == ["base.safetensors"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"found no file at .*nothing\.safetensors"):
        load_detector(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_a_damaged_file_is_told(detector, tmp_path, damage):
    path = tmp_path / "base.safetensors"
    save_detector(path, detector, {})
    whole = path.read_bytes()
    damaged = {"cut": whole[: len(whole) // 2], "noise": b"\x07" * 500, "empty": b""}
    path.write_bytes(damaged[damage])
    with pytest.raises(ModelFileError, match="expected detector weights written by DriveMeta"):
        load_detector(path)


@pytest.mark.parametrize("metadata", [None, {"drivemeta": "no json"}, {"drivemeta": "{}"}])
def test_weights_of_something_else_are_told(tmp_path, metadata):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path, metadata=metadata)
    with pytest.raises(ModelFileError, match="found something else"):
        load_detector(path)


def test_an_unwritable_place_is_told(detector, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        save_detector(tmp_path / "file" / "base.safetensors", detector, {})
