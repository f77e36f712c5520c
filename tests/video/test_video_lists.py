"""What counts as many videos, and what each is called."""

import pytest

from drivemeta.errors import InputError
from drivemeta.files import VIDEO_SUFFIXES
from drivemeta.plugins import default_registry
from drivemeta.video.video_lists import many_videos


def listed(place):
    videos = many_videos(place, default_registry())
    return videos and videos.paths


@pytest.fixture
def drives(tmp_path):
    for name in ("b.mp4", "a.MKV", "night/a.mp4", "notes.md", ".hidden.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_a_folder_gives_its_videos_at_any_depth(drives):
    found = listed(str(drives))
    assert list(found) == ["a.MKV", "b.mp4", "night/a.mp4"]
    assert found["night/a.mp4"] == drives / "night" / "a.mp4"


def test_what_is_passed_over_is_named(drives):
    videos = many_videos(str(drives), default_registry())
    assert videos.passed_over == (drives / "notes.md",)
    assert "notes.md (1 in all)" in videos.note()
    for name in "abcdef":
        (drives / "night" / f"{name}.srt").write_text("x")
    assert videos.paths == listed(str(drives))
    assert "... (7 in all)" in many_videos(str(drives), default_registry()).note()
    (drives / "notes.md").unlink()
    assert many_videos(f"{drives}/*", default_registry()).note() == ""


def test_all_kinds_of_video_count_in_any_case(tmp_path):
    names = [f"clip{suffix.upper()}" for suffix in VIDEO_SUFFIXES]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert sorted(listed(str(tmp_path))) == sorted(names)


def test_the_manifest_of_the_file_source_lists_the_same_endings():
    manifest = default_registry().find("source", "file").manifest
    assert manifest.suffixes == (*VIDEO_SUFFIXES, "*")


def test_a_pattern_gives_those_that_match_named_after_its_fixed_part(drives):
    assert list(listed(f"{drives}/*/a.*")) == ["night/a.mp4"]
    assert list(listed(f"{drives}/night/*.mp4")) == ["a.mp4"]


def test_a_list_is_relative_to_itself_and_keeps_order(drives, tmp_path):
    night = tmp_path / "tonight.txt"
    night.write_text("# of Tuesday\n\nnight/a.mp4\nb.mp4\nmissing.mp4\n../away.mp4\n")
    found = listed(str(night))
    assert list(found)[:3] == ["night/a.mp4", "b.mp4", "missing.mp4"]
    away = list(found)[3]
    assert away.endswith("away.mp4")
    assert ".." not in away
    assert not away.startswith("/")


def test_single_streams_are_none_of_them(drives, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "1.png").write_bytes(b"x")
    bag = tmp_path / "bag"
    bag.mkdir()
    (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: {}")
    (bag / "bag_0.mcap").write_bytes(b"x")
    for place in (
        drives / "b.mp4",
        images,
        f"{images}/*.png",
        bag,
        "rtsp://camera/a?b",
        "camera:0",
    ):
        assert listed(str(place)) is None


def test_images_beside_videos_are_refused(drives):
    (drives / "1.png").write_bytes(b"x")
    with pytest.raises(InputError, match="both"):
        listed(str(drives))
    assert list(listed(f"{drives}/*.mp4")) == ["b.mp4"]


def test_a_text_that_is_no_list_is_told(tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("hi there\nsee you\n")
    with pytest.raises(InputError, match=r"none of its 2 lines is a file, the first says 'hi the"):
        listed(str(note))


def test_an_empty_list_is_refused(tmp_path):
    (tmp_path / "none.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="none"):
        listed(str(tmp_path / "none.txt"))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        listed(str(tmp_path / "binary.txt"))
