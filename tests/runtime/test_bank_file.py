"""The bank read back out of an exported file."""

import numpy as np
import onnx
import pytest

from drivemeta.errors import ModelFileError
from drivemeta.runtime.model_file import ModelFile, bank_of, read_model_file


def test_a_file_gives_back_its_bank_without_padding(tiny_model, lively_detector):
    found, expected = bank_of(read_model_file(tiny_model)), lively_detector.bank
    assert found.classes == expected.classes
    for level in ("dense", "crop"):
        for field in ("weights", "biases", "owners", "roots"):
            mine, theirs = (getattr(getattr(b, level), field) for b in (found, expected))
            np.testing.assert_array_equal(mine, theirs)


def edited(tiny_model, name, values):
    file = read_model_file(tiny_model)
    proto = onnx.ModelProto()
    proto.CopyFrom(file.proto)
    tensor = next(t for t in proto.graph.initializer if t.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, name))
    return ModelFile(file.path, file.data, proto, file.manifest)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("crop_owners", np.full(256, 99)),
        ("crop_biases", np.zeros(7, np.float32)),
        ("dense_count", np.zeros(0, np.int64)),
        ("dense_weights", np.zeros(256, np.float32)),
    ],
)
def test_rows_that_do_not_fit_are_refused(tiny_model, name, values):
    with pytest.raises(ModelFileError, match="cannot read its class bank"):
        bank_of(edited(tiny_model, name, values))
