"""What the commands share."""

import pytest

from drivemeta.cli.common import image_files
from drivemeta.errors import InputError
from drivemeta.files import IMAGE_SUFFIXES


def test_a_folder_gives_images_of_every_kind_that_the_readers_take(tmp_path):
    for suffix in IMAGE_SUFFIXES:
        (tmp_path / f"a{suffix.upper()}").touch()
    (tmp_path / "a.txt").touch()
    assert [path.suffix.lower() for path in image_files(tmp_path)] == list(IMAGE_SUFFIXES)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected images \(\.bmp, .*\.tif, .*found none in"):
        image_files(tmp_path)
