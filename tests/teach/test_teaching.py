"""What is learnt from: the boxes of the user, and what was rejected, seen alone."""

import numpy as np
import pytest

from drivemeta.data.support import SupportSet
from drivemeta.errors import ConfigError, InputError
from drivemeta.teach.clip_list import SETTINGS, clips_of, keep_clips
from drivemeta.teach.saved import read_state, write_state
from drivemeta.teach.state import Box, Rejected, State
from drivemeta.teach.teaching import negative_of, rejected_by_frame, support_of
from tests.helpers.teach import facts, paint_frames

BOX = Box(1, "drive", 3, (10.0, 20.0, 30.0, 40.0), "stop", 1)
VIEW = Box(2, "drive", 5, (12.0, 20.0, 34.0, 42.0), "stop", 1, "followed")


def test_further_views_of_an_object_are_no_shots(tmp_path):
    state = State((BOX, VIEW), classes=("stop", "without boxes"))
    paint_frames(tmp_path, state)
    pictures = {
        (b.clip, b.frame): tmp_path / facts(b.clip, b.frame)["file_name"] for b in (BOX, VIEW)
    }
    support = support_of(state, pictures)
    assert support.n_boxes == {"stop": 1}
    assert [image.ignore.tolist() for image in support.images] == [[False], [True]]
    assert [image.objects.tolist() for image in support.images] == [[1], [1]]
    assert support_of(State(classes=("stop",)), {}) is None
    # Without the box that came first, the next one is the shot.
    rest = support_of(State((VIEW,), classes=("stop",)), pictures)
    assert rest.n_boxes == {"stop": 1}


def test_the_project_is_read_by_adapt_as_the_page_learns_it(tmp_path):
    earlier = Box(3, "drive", 1, (8.0, 20.0, 24.0, 36.0), "stop", 1, "followed")
    state = State((BOX, VIEW, earlier), classes=("stop",), next_id=4)
    paint_frames(tmp_path, state)
    write_state(tmp_path / "annotations.json", 1, state, facts)
    assert read_state(tmp_path / "annotations.json") == (1, state)
    pictures = {
        (b.clip, b.frame): tmp_path / facts(b.clip, b.frame)["file_name"] for b in state.boxes
    }
    page, read = support_of(state, pictures), SupportSet.from_path(tmp_path / "annotations.json")
    for mine, theirs in zip(page.images, read.images, strict=True):
        assert mine.path == theirs.path
        assert mine.ignore.tolist() == theirs.ignore.tolist()
        assert mine.objects.tolist() == theirs.objects.tolist()
    assert page.n_boxes == read.n_boxes == {"stop": 1}


def test_a_rejected_box_is_shown_alone():
    image = np.random.default_rng(0).integers(0, 100, (120, 160, 3), np.uint8)
    no = Rejected("drive", 5, (60.0, 50.0, 80.0, 70.0), "stop")
    beside = Box(2, "drive", 5, (82.0, 50.0, 96.0, 70.0), "stop", 2)
    state = State((BOX, beside), (no, Rejected("drive", 6, no.xyxy, "never taught")), ("stop",))
    (frame,) = rejected_by_frame(state)
    shown = negative_of(image, frame)
    np.testing.assert_array_equal(shown[50:70, 60:80], image[50:70, 60:80])
    assert (shown[50:70, 82:96] == 128).all()
    assert (shown[:, :20] == 128).all()
    assert (shown[100:] == 128).all()
    again = rejected_by_frame(State((BOX,), (no,), ("stop",)))[0]
    assert again.file_name != frame.file_name


def test_clips_are_known_by_names_that_are_fit_for_files(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "drive 1.mp4").touch()
    paths = [tmp_path / folder / "drive 1.mp4" for folder in ("a", "b")]
    clips = clips_of(tmp_path / "signs", paths)
    assert clips == dict(zip(("drive_1", "drive_1_2"), paths, strict=True))
    keep_clips(tmp_path / "signs", clips)
    assert clips_of(tmp_path / "signs", paths[:1]) == clips
    moved = paths[0].rename(tmp_path / "drive 1.mp4")
    with pytest.raises(InputError, match=r"cannot find drive_1 \("):
        clips_of(tmp_path / "signs", [])
    assert clips_of(tmp_path / "signs", [moved])["drive_1"] == moved


def test_a_project_without_clips_or_with_a_damaged_list(tmp_path):
    with pytest.raises(InputError, match=r"drivemeta teach drive\.mp4"):
        clips_of(tmp_path, [])
    for text in ("{", "[]", '{"clips": {"../x": "/a"}}', '{"clips": {"x": 5}}'):
        (tmp_path / SETTINGS).write_text(text)
        with pytest.raises(ConfigError, match=r"project\.json"):
            clips_of(tmp_path, [])
