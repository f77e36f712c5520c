"""Pictures that conventions are tried on."""

import cv2
import numpy as np
import pytest

from drivemeta.errors import InputError
from drivemeta.own.trial_frames import MOST_IMAGES, image_frames


def save_grey(folder, n):
    folder.mkdir()
    for i in range(n):
        cv2.imwrite(str(folder / f"{i:03}.png"), np.full((8, 12, 3), i, np.uint8))
    return folder


@pytest.mark.parametrize("n", [1, MOST_IMAGES, MOST_IMAGES + 1, 40])
def test_a_few_images_of_a_folder_are_taken_evenly(tmp_path, n):
    frames = image_frames(save_grey(tmp_path / "frames", n)).frames
    taken = [int(frame.image[0, 0, 0]) for frame in frames]
    assert 1 <= len(taken) <= MOST_IMAGES
    assert len(taken) >= min(n, MOST_IMAGES // 2)
    assert taken[0] == 0
    assert n - taken[-1] <= max(1, -(-n // len(taken)))
    assert len(set(np.diff(taken))) <= 1
    assert [frame.name for frame in frames] == [f"{i:03}.png" for i in taken]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="found none"):
        image_frames(save_grey(tmp_path / "frames", 0))
