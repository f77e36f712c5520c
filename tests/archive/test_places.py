"""Which videos are named: files, patterns and lists."""

from pathlib import Path

import pytest

from drivemeta.archive.places import find_videos
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from tests.helpers.videos import write_greys


def found(*places: Path | str) -> list[str]:
    return [video.place for video in find_videos(list(map(str, places)), default_registry())[0]]


def test_files_patterns_and_lists_name_videos_each_once(tmp_path):
    clips = [str(write_greys(tmp_path / name)) for name in ("a.mp4", "b.mp4")]
    (tmp_path / "all.txt").write_text("a.mp4\n# a remark\nb.mp4\n")
    assert found(*clips) == found(tmp_path / "*.mp4") == found(tmp_path / "all.txt") == clips
    assert found(clips[0], tmp_path) == clips


def test_a_file_that_is_not_there_is_told_at_once_but_one_of_a_list_when_its_turn_comes(tmp_path):
    with pytest.raises(InputError, match=r"expected a video at .*c\.mp4, found nothing there"):
        found(tmp_path / "c.mp4")
    write_greys(tmp_path / "a.mp4")
    (tmp_path / "all.txt").write_text("a.mp4\nc.mp4\n")
    assert [Path(place).name for place in found(tmp_path / "all.txt")] == ["a.mp4", "c.mp4"]


def test_a_synthetic_source_has_no_file():
    assert found("synthetic:7") == ["synthetic:7"]
