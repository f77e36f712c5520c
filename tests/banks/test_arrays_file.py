"""Arrays with a header, as files that ship hold them."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from drivemeta.banks.arrays_file import read_arrays
from drivemeta.errors import ModelFileError


def test_what_is_needed_must_be_there(tmp_path):
    path = tmp_path / "things.safetensors"
    save_file({"rows": np.eye(2)}, path, metadata={"key": '{"names": ["a"]}'})
    header, arrays = read_arrays(path, "key", "rows", ["names"], ["rows"])
    assert header == {"names": ["a"]}
    np.testing.assert_array_equal(arrays["rows"], np.eye(2))
    with pytest.raises(ModelFileError, match=r"expected rows in .*: it has no biases, parent"):
        read_arrays(path, "key", "rows", ["names", "parent"], ["rows", "biases"])


@pytest.mark.parametrize("header", ["[1", "7"])
def test_a_header_that_is_none_is_told(tmp_path, header):
    path = tmp_path / "things.safetensors"
    save_file({"rows": np.eye(2)}, path, metadata={"key": header})
    for key in ("key", "other"):
        with pytest.raises(ModelFileError, match="expected rows in"):
            read_arrays(path, key, "rows", [], [])
