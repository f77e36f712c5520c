from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.errors import InputError
from drivemeta.export.probe_scene import draw_noise, draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from drivemeta.shipped import load_model


@pytest.fixture(scope="module")
def loaded(tiny_model):
    return load_model(tiny_model, provider="cpu", threads=1)


@pytest.fixture
def model(loaded, lively_detector):
    yield loaded
    loaded.set_bank(lively_detector.bank)


def equal(a, b):
    return np.allclose(a.boxes, b.boxes, atol=1e-3) and a.names == b.names


def test_frames_of_mixed_sizes_come_back_in_order(model):
    frames = [draw_scene((90, 160)), draw_noise((70, 60)), draw_scene((90, 160), 3)]
    together = model(frames, min_score=0.05)
    for frame, found in zip(frames, together, strict=True):
        assert equal(found, model([frame], min_score=0.05)[0])


def test_a_file_that_was_read_is_not_read_again(tiny_model, tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(tiny_model.read_bytes())
    file = read_model_file(path)
    path.unlink()
    assert OnnxDetector(file, provider="cpu").classes == file.manifest.names


def test_no_frames_give_no_detections(model):
    assert model([]) == []


def test_a_frame_without_objects_gives_an_empty_result(model):
    found = model([draw_scene()], min_score=1.0)[0]
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_the_classes_own_thresholds_apply_unless_one_is_given(model, lively_detector):
    frame = draw_scene()
    own, every = model([frame])[0], model([frame], min_score=0.001)[0]
    assert 0 < len(own) < len(every)
    assert (own.scores >= lively_detector.bank.thresholds[own.labels]).all()
    assert every.scores.min() >= 0.001


def test_a_bank_set_while_running_adds_a_class(model, lively_detector):
    frame = draw_scene()
    before = model([frame], min_score=0.001)[0]
    bank = lively_detector.bank
    # a row of leaf0 under another name, with a bias that makes it win wherever leaf0 won
    row = BankRows(
        bank.crop.weights[:1], bank.crop.biases[:1] - 0.5, np.array([11]), bank.crop.roots[:1]
    )
    spec = ClassSpec("falling_rocks", bank.classes[3].name, "novel", threshold=0.1)
    wider = ClassBank((*bank.classes, spec), bank.dense, bank.crop + row)
    model.set_bank(wider)
    after = model([frame], min_score=0.001)[0]
    assert model.classes[-1] == "falling_rocks"
    assert "falling_rocks" in after.names
    model.set_bank(bank)
    assert equal(model([frame], min_score=0.001)[0], before)


def test_thresholds_of_a_bank_set_apply(model, lively_detector):
    names = lively_detector.bank.names
    model.set_bank(lively_detector.bank.with_thresholds(dict.fromkeys(names, 1.0)))
    assert len(model([draw_scene()])[0]) == 0
    assert len(model([draw_scene()], min_score=0.1)[0]) > 0


def test_a_bank_without_leaves_can_be_set(model, lively_detector):
    bank = lively_detector.bank
    model.set_bank(replace(bank, classes=bank.classes[:5], crop=BankRows.empty(128)))
    found = model([draw_scene()], min_score=0.001)[0]
    assert found.labels.max() < 5


def test_a_bank_of_another_base_is_refused(model, lively_detector):
    bank = replace(lively_detector.bank, crop=BankRows.empty(32))
    with pytest.raises(InputError, match=r"128 \(crop\) columns, the bank has 64 and 32"):
        model.set_bank(bank)


def test_a_bank_beyond_capacity_is_refused(model, lively_detector):
    bank = lively_detector.bank
    crop = bank.crop
    while len(crop) <= 256:
        crop = crop + crop
    with pytest.raises(InputError, match="holds at most 256"):
        model.set_bank(replace(bank, crop=crop))


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_bgr_image_is_refused(model, frame):
    with pytest.raises(InputError, match="uint8 BGR"):
        model([frame])


def test_the_provider_that_runs_is_reported(tiny_model):
    assert OnnxDetector(tiny_model, provider="cpu").provider == "cpu"
