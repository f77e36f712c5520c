"""Files of learners' weights: what is something else is told in words."""

import json

import pytest
import torch
from safetensors.torch import save_file

from drivemeta.errors import ModelFileError
from drivemeta.models.learner_store import HEADER, read


def test_a_folder_is_named_as_one(tmp_path):
    with pytest.raises(ModelFileError, match="expected a learner's weights, found a folder at"):
        read(tmp_path)
    with pytest.raises(ModelFileError, match="found no file at"):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (None, "over level 2: these tensors are something else's$"),
        ({HEADER: json.dumps({"learner": "maml"})}, "does not say which level 2 they belong to$"),
        ({HEADER: "[]"}, "does not say which level 2 they belong to$"),
        ({HEADER: "{"}, "over level 2: Expecting property name"),
    ],
)
def test_other_tensors_are_told_in_words(tmp_path, metadata, told):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(ModelFileError, match=told):
        read(path)
