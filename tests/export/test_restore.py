"""Adding classes to an adapted model."""

import numpy as np
import pytest

from drivemeta.adaptation.adapt import adapt
from drivemeta.banks.capacity import within_capacity
from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.exporter import ExportOptions
from drivemeta.export.restore import export_again, restore
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.detectors import make_lively


@pytest.fixture
def first(lively_detector, make_support):
    return adapt(lively_detector, make_support(2, "rocks"), parent="traffic_sign")


@pytest.mark.parametrize("bank", ["fed", "baked"])
def test_a_model_gives_back_the_bank_it_was_written_with(first, lively_detector, tmp_path, bank):
    path = tmp_path / "rocks.onnx"
    first.export(path, options=ExportOptions(bank=bank))
    restored, expected = restore(lively_detector, path).bank, first.detector.bank
    assert [spec.name for spec in restored.classes] == [spec.name for spec in expected.classes]
    assert restored.classes[-1].shots == 2
    np.testing.assert_allclose(restored.thresholds, expected.thresholds, atol=1e-6)
    for level in ("dense", "crop"):
        for field in ("weights", "biases", "owners", "roots"):
            mine, theirs = (getattr(getattr(b, level), field) for b in (restored, expected))
            np.testing.assert_array_equal(mine, theirs)


def test_a_class_is_added_later(first, lively_detector, make_support, tmp_path):
    first.export(tmp_path / "rocks.onnx")
    restored = restore(lively_detector, tmp_path / "rocks.onnx")
    both = adapt(restored, make_support(2, "ice"), parent="traffic_sign").detector.bank
    assert both.names[-2:] == ("rocks", "ice")
    assert both.classes[-2] == restored.bank.classes[-1]
    for name in ("rocks", "ice"):
        assert (both.crop.owners == both.index(name)).any()


def test_a_class_that_is_there_is_added_to_only_when_asked(first, make_support):
    support = make_support(3, "rocks")
    with pytest.raises(InputError, match=r"'rocks' was adapted to before, from 2 shots.*--extend"):
        adapt(first.detector, support)
    adapted = adapt(first.detector, support, extend=True)
    bank, (report,) = adapted.detector.bank, adapted.classes
    assert (report.shots, report.added) == (bank.classes[-1].shots, 3)
    assert bank.names == first.detector.bank.names
    assert bank.classes[-1].shots == 5
    old = (first.detector.bank.crop.owners == bank.index("rocks")).sum()
    assert (bank.crop.owners == bank.index("rocks")).sum() > old


def test_a_model_of_another_base_is_refused(first, tmp_path):
    first.export(tmp_path / "rocks.onnx")
    with pytest.raises(ModelFileError, match=r"rocks\.onnx was made from another base"):
        restore(make_lively(seed=1), tmp_path / "rocks.onnx")


def test_a_model_is_written_anew_for_another_input_size(first, lively_detector, tmp_path):
    path, quick = tmp_path / "rocks.onnx", tmp_path / "quick.onnx"
    options = ExportOptions(bank="baked", licence="CC-BY-4.0")
    first.export(path, options=options)
    report = export_again(lively_detector, path, quick, (64, 128))
    old, new = (read_model_file(each).manifest for each in (path, quick))
    assert (new.input.height, new.input.width) == (64, 128)
    assert new.learner == old.learner
    assert new.digests.support == old.digests.support
    assert (new.classes, new.licence, new.bank) == (old.classes, old.licence, old.bank)
    assert report.parity.n_rows > 0


def test_a_model_is_added_to_at_its_own_input_size(first, make_support):
    with pytest.raises(InputError, match="adapted at the input size"):
        adapt(first.detector, make_support(2, "ice"), input_size=(64, 128))


def test_what_is_no_model_is_refused(lively_detector, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"none")
    with pytest.raises(ModelFileError, match=r"x\.onnx"):
        restore(lively_detector, tmp_path / "x.onnx")


def test_only_distractors_make_room(first):
    bank = first.detector.bank
    n = len(bank.crop)
    fewer = within_capacity(bank, n - 1).crop
    assert len(fewer) == n - 1
    leaves = [i for i, spec in enumerate(bank.classes) if spec.parent]
    assert np.isin(fewer.owners, leaves).sum() == np.isin(bank.crop.owners, leaves).sum()
    assert len(within_capacity(bank, 1).crop) == np.isin(bank.crop.owners, leaves).sum()
    assert within_capacity(bank, n) is bank
