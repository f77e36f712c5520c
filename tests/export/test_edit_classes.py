"""Banks edited in model files, against exports of the same bank from torch."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.banks.edit import merge_banks, remove_classes, rename_classes
from drivemeta.core import ClassBank
from drivemeta.errors import InputError
from drivemeta.export.edit_classes import edit_model, merge_models
from drivemeta.export.exporter import ExportOptions, export_detector
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.model_file import bank_of, read_model_file
from tests.helpers.detectors import make_lively


def exported(detector, classes, path, **options):
    export_detector(
        detector.with_(bank=classes),
        path,
        learner="protonet",
        support_digest="1" * 64,
        options=ExportOptions(**options),
    )
    return path


def graph_of(path):
    return read_model_file(path).manifest.digests.graph


@pytest.mark.parametrize("mode", ["fed", "baked"])
def test_a_model_without_a_class_is_what_torch_would_have_exported(lively_detector, tmp_path, mode):
    bank = lively_detector.bank
    whole = exported(lively_detector, bank, tmp_path / "whole.onnx", bank=mode)
    report = edit_model(whole, tmp_path / "less.onnx", lambda b: remove_classes(b, ["leaf2"]))
    expected = exported(
        lively_detector, remove_classes(bank, ["leaf2"]), tmp_path / "x.onnx", bank=mode
    )
    assert graph_of(tmp_path / "less.onnx") == graph_of(expected)
    assert "leaf2" not in report.classes
    assert report.n_rows >= 5


def test_two_models_become_one(lively_detector, tmp_path):
    bank = lively_detector.bank
    one, two = remove_classes(bank, ["leaf4", "leaf5"]), remove_classes(bank, ["leaf0", "leaf1"])
    two = rename_classes(two, {"leaf2": "a", "leaf3": "b"})
    paths = [
        exported(lively_detector, part, tmp_path / f"{i}.onnx") for i, part in enumerate((one, two))
    ]
    report = merge_models(paths, tmp_path / "both.onnx")
    assert report.classes == (*one.names, "a", "b", "leaf4", "leaf5")
    file = read_model_file(tmp_path / "both.onnx")
    expected = exported(lively_detector, merge_banks(one, two), tmp_path / "expected.onnx")
    assert file.manifest.digests.graph == graph_of(expected)
    assert file.manifest.learner.name == "protonet"
    assert file.manifest.digests.support not in ("", "1" * 64)
    frame = draw_scene()
    found = OnnxDetector(tmp_path / "both.onnx", provider="cpu")([frame], 0.001)[0]
    assert {"leaf0", "leaf1", "leaf2", "leaf3"} & set(found.names)
    assert {"a", "b", "leaf4", "leaf5"} & set(found.names)


def test_merging_makes_room_by_dropping_distractors(lively_detector, tmp_path):
    bank = lively_detector.bank
    one = remove_classes(bank, ["leaf1"])
    two = rename_classes(
        remove_classes(bank, ["leaf0"]), {f"leaf{i}": f"x{i}" for i in range(1, 6)}
    )
    n = len(merge_banks(one, two).crop)
    paths = [
        exported(lively_detector, part, tmp_path / f"{i}.onnx", bank_capacity=n - 1)
        for i, part in enumerate((one, two))
    ]
    merge_models(paths, tmp_path / "both.onnx")
    crop = bank_of(read_model_file(tmp_path / "both.onnx")).crop
    assert len(crop) == n - 1


def test_renaming_changes_no_row_and_no_score(tiny_model, tmp_path):
    out = tmp_path / "renamed.onnx"
    edit_model(tiny_model, out, lambda bank: rename_classes(bank, {"leaf0": "rocks"}))
    assert graph_of(out) == graph_of(tiny_model)
    frame = draw_scene(seed=3)
    before, after = (OnnxDetector(p, provider="cpu")([frame], 0.001)[0] for p in (tiny_model, out))
    np.testing.assert_array_equal(before.scores, after.scores)
    assert [n.replace("leaf0", "rocks") for n in before.names] == list(after.names)


def test_a_model_can_be_edited_in_place(tiny_model, tmp_path):
    path = tmp_path / "same.onnx"
    path.write_bytes(tiny_model.read_bytes())
    edit_model(path, path, lambda bank: remove_classes(bank, ["leaf5"]))
    assert "leaf5" not in OnnxDetector(path, provider="cpu").classes
    assert list(tmp_path.iterdir()) == [path]


def test_models_of_other_bases_do_not_merge(tiny_model, tmp_path):
    other = make_lively(seed=1)
    path = exported(other, rename_classes(other.bank, {"leaf0": "a"}), tmp_path / "other.onnx")
    with pytest.raises(InputError, match="different bases"):
        merge_models([tiny_model, path], tmp_path / "out.onnx")


def test_models_of_other_score_rules_do_not_merge(lively_detector, tiny_model, tmp_path):
    other = lively_detector.with_(bank=lively_detector.bank)
    other.scoring = replace(other.scoring, crop_power=0.5)
    export_detector(other, tmp_path / "other.onnx")
    with pytest.raises(InputError, match="different constants"):
        merge_models([tiny_model, tmp_path / "other.onnx"], tmp_path / "out.onnx")


def test_one_model_is_no_merge(tiny_model, tmp_path):
    with pytest.raises(InputError, match="two models or more"):
        merge_models([tiny_model], tmp_path / "out.onnx")


def test_a_refused_edit_writes_nothing(tiny_model, tmp_path):
    def refuse(bank: ClassBank) -> ClassBank:
        return remove_classes(bank, ["nothing"])

    with pytest.raises(InputError):
        edit_model(tiny_model, tmp_path / "out.onnx", refuse)
    assert not list(tmp_path.iterdir())
