"""Any frame of a clip by its number, as decoding from the start gives it."""

import random

import numpy as np
import pytest

from drivemeta.errors import InputError, VideoError
from drivemeta.teach.clips import PictureClip, VideoClip, open_clip
from tests.helpers.containers import TURNED, set_matrix
from tests.helpers.videos import draw_frame

UNEVEN = [0, 40, 60, 200, 240, 280, 300, 420, 460, 500, 540, 580, 600, 640, 700, 740, 800, 900]


@pytest.fixture
def clip(write_video):
    opened = VideoClip(write_video(UNEVEN, options={"g": "5", "bf": "2"}))
    yield opened
    opened.close()


def red_left(image):
    """Return the left side of the box that moves two pixels a frame."""
    return int(np.flatnonzero((image[..., 2] > 180).sum(0) > 5)[0])


def test_frames_by_number_in_any_order(clip):
    assert clip.n_frames == len(UNEVEN)
    order = list(range(clip.n_frames)) * 3
    random.Random(0).shuffle(order)
    for number in order:
        assert abs(red_left(clip.frame(number)) - red_left(draw_frame(number, (120, 160)))) <= 1


def test_times_are_those_of_the_file(clip):
    assert [round(1000 * clip.time_s(n)) for n in range(clip.n_frames)] == UNEVEN
    assert clip.fps == pytest.approx(17 / 0.9)


def test_what_is_near_is_a_key_frame_at_or_before(clip):
    number, image = clip.near(8)
    assert number == 5
    assert abs(red_left(image) - red_left(draw_frame(5, (120, 160)))) <= 1
    clip.frame(8)
    assert clip.near(8)[0] == 8  # at hand by now


def test_a_turned_video_is_upright(write_video):
    path = write_video([0, 40, 80])
    set_matrix(path, TURNED[90])
    clip = VideoClip(path)
    assert clip.size(0) == (160, 120)
    assert clip.frame(1).shape == (160, 120, 3)
    clip.close()


def test_a_folder_of_pictures(tmp_path):
    import cv2

    for number, size in enumerate([(120, 160), (90, 200)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), draw_frame(number, size))
    clip = open_clip(tmp_path)
    assert isinstance(clip, PictureClip)
    assert (clip.n_frames, clip.size(1), clip.near(1)[0]) == (2, (90, 200), 1)
    np.testing.assert_array_equal(clip.frame(1), draw_frame(1, (90, 200)))


def test_what_is_no_clip(tmp_path):
    with pytest.raises(InputError, match="found none at"):
        open_clip(tmp_path / "absent.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found no image"):
        open_clip(tmp_path / "empty")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VideoError, match="cannot read"):
        open_clip(tmp_path / "text.mp4")


def test_of_a_video_that_is_cut_off_there_is_what_is_whole(write_video):
    path = write_video(list(range(0, 4000, 40)), "clip.mkv", options={"g": "10"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    clip = VideoClip(path)
    assert 30 < clip.n_frames < 100
    assert abs(red_left(clip.frame(30)) - red_left(draw_frame(30, (120, 160)))) <= 1
    clip.frame(clip.n_frames - 1)
    clip.close()
