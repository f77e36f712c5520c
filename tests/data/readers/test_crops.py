"""A folder of plain crops."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from drivemeta.data.readers import read_annotations, read_crops
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError


@pytest.fixture
def folder(tmp_path):
    for name, sizes in {"deer": [(40, 30), (20, 24)], "boar": [(33, 31)]}.items():
        (tmp_path / name).mkdir()
        for i, size in enumerate(sizes):
            Image.new("RGB", size, (9 * i, 80, 90)).save(tmp_path / name / f"{i}.png")
    (tmp_path / "deer" / "Thumbs.db").write_bytes(b"")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_sub_folders_are_classes_and_pictures_boxes(folder):
    dataset = read_annotations(folder)
    assert dataset.classes == ("boar", "deer")
    assert dataset.n_boxes() == {"boar": 1, "deer": 2}
    np.testing.assert_allclose(dataset.images[1].boxes, [[0, 0, 40, 30]])
    assert dataset.images[1].entries == ("deer/0.png",)
    assert SupportSet.from_path(folder).of_crops


def test_pictures_without_folders_are_no_crops(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnnotationError, match="sub-folder a class"):
        read_annotations(tmp_path)
    with pytest.raises(AnnotationError, match="a folder of pictures for each class"):
        read_crops(tmp_path)


def test_a_damaged_crop_is_named(folder):
    (folder / "boar" / "0.png").write_bytes(b"no picture")
    with pytest.raises(AnnotationError, match=r"boar/0\.png"):
        read_annotations(folder)
