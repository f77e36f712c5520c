"""`dm.show`: a frame with what was found in it."""

import cv2
import numpy as np
import pytest

import drivemeta as dm
from drivemeta.errors import InputError


@pytest.fixture
def found() -> dm.Detections:
    box = np.array([[20, 30, 80, 70]], np.float32)
    return dm.Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64), ("vehicle",))


def test_a_notebook_shows_a_frame_with_boxes_and_the_frame_stays_as_it_is(found):
    image = np.full((120, 160, 3), 90, np.uint8)
    picture = dm.show(dm.Frame(image, 0), found)
    shown = cv2.imdecode(np.frombuffer(picture._repr_png_(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown, picture.image)
    assert (shown[70, 20:80] != 90).any()
    assert (image == 90).all()
    assert repr(picture) == "Picture of 160x120 pixels"


def test_tracks_are_shown_with_their_identities(found):
    image = np.full((120, 160, 3), 90, np.uint8)
    tracked = dm.show(image, dm.Tracks(found, np.array([12])))
    assert (tracked.image != dm.show(image, found).image).any()
    alone = dm.show(image, dm.Tracks(found, np.array([12])), labels=("name", "score"))
    np.testing.assert_array_equal(alone.image, dm.show(image, found).image)


def test_a_picture_is_saved_by_its_suffix(found, tmp_path):
    picture = dm.show(np.full((120, 160, 3), 90, np.uint8), found)
    assert cv2.imread(str(picture.save(tmp_path / "seen.png"))).shape == (120, 160, 3)
    for name in ("seen.xyz", "seen"):
        with pytest.raises(InputError, match=r"such as picture\.png"):
            picture.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["seen.png"]
