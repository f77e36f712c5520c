"""What an archive holds after indexing: of videos, images, lists, damaged ones, and twice."""

import shutil
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from drivemeta.archive.counts import totals
from drivemeta.archive.looking import Looker
from drivemeta.archive.places import Video
from drivemeta.archive.segments import plan
from drivemeta.archive.store import key_of, open_or_make
from drivemeta.errors import InputError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.plugins.registry import default_registry
from tests.helpers.archives import content_of
from tests.helpers.recordings import write_mcap_stills


def test_segments_begin_at_key_frames_and_cover_the_video(clips):
    video = Video(str(clips / "long.mp4"), "file")
    segments = plan(video, 2.0, default_registry())
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert len(segments) == segments[0].n_segments == 4
    frames = [wanted.frame for segment in segments for wanted in segment.wanted]
    assert frames == list(range(0, 150, 5))
    times = [wanted.time_s for segment in segments for wanted in segment.wanted]
    np.testing.assert_allclose(times, np.arange(30) * 0.5, atol=1e-3)
    assert [segment.wanted[0].frame for segment in segments] == [0, 40, 80, 120]


def test_frames_that_are_looked_at_are_counted(archive_of_clips):
    held = totals(archive_of_clips)
    assert (held.n_videos, held.n_segments, held.n_frames) == (2, 5, 18)
    assert held.n_planned == held.n_segments
    assert held.n_missing == held.n_empty == 0
    table = content_of(archive_of_clips)
    assert held.n_boxes == table.num_rows > 30
    assert set(table["frame"].to_pylist()) == set(range(0, 150, 10))


def test_frames_without_boxes_are_counted(make_archive, monkeypatch, clips, tmp_path):
    look = Looker.__call__
    monkeypatch.setattr(Looker, "__call__", lambda *given: [rows[:0] for rows in look(*given)])
    archive, report = make_archive(tmp_path / "a", clips / "short.mp4")
    held = totals(archive)
    assert not report.problems
    assert (held.n_frames, held.n_empty, held.n_boxes) == (3, 3, 0)


def test_what_is_there_is_left_alone(make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    lost = archive.files()[1]
    before = {f.path: (tmp_path / f.path).stat().st_mtime_ns for f in archive.files()}
    archive.storage.remove(lost.path)
    _, report = make_archive(tmp_path / "a", clips)
    assert (report.n_done, report.n_there) == (1, 4)
    after = {f.path: (tmp_path / f.path).stat().st_mtime_ns for f in archive.files()}
    assert {path for path in before if before[path] != after[path]} == {lost.path}


def test_a_video_that_was_replaced_is_indexed_anew(make_archive, clips, tmp_path):
    video = tmp_path / "v.mp4"
    shutil.copy(clips / "long.mp4", video)
    archive, _ = make_archive(tmp_path / "a", video)
    assert totals(archive).n_segments == 4
    shutil.copy(clips / "short.mp4", video)
    archive, report = make_archive(tmp_path / "a", video)
    assert (report.n_done, totals(archive).n_segments) == (1, 1)


def test_workers_of_their_own_give_the_same(make_archive, archive_of_clips, clips, tmp_path):
    archive, report = make_archive(tmp_path / "a", clips, jobs=2)
    assert not report.problems
    whole = content_of(archive).drop_columns(["segment"])
    assert whole.equals(content_of(archive_of_clips).drop_columns(["segment"]))


def test_a_folder_of_images_is_looked_at_whole(make_archive, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(3):
        cv2.imwrite(str(folder / f"{i}.png"), draw_scene((96, 160), seed=i))
    (folder / "3.png").write_bytes(b"no picture")
    archive, report = make_archive(tmp_path / "a", folder)
    held = totals(archive)
    assert (held.n_frames, held.n_missing) == (3, 1)
    assert report.notes == {str(folder): ["3.png cannot be read"]}
    assert {0, 1, 2} == set(content_of(archive)["frame"].to_pylist())


def test_lists_and_urls(make_archive, clips, tmp_path):
    shutil.copy(clips / "short.mp4", tmp_path / "b.mp4")
    (tmp_path / "list.txt").write_text(f"# two\nb.mp4\nfile://{clips}/short.mp4\n")
    archive, report = make_archive(tmp_path / "a", tmp_path / "list.txt")
    assert not report.problems
    assert report.n_videos == 2
    rows = content_of(archive).drop_columns(["video"])
    assert rows.num_rows % 2 == 0


def test_a_recording(make_archive, tmp_path):
    write_mcap_stills(
        tmp_path / "r.mcap", [draw_scene((96, 160), seed=i) for i in range(10)], fps=5
    )
    archive, report = make_archive(tmp_path / "a", tmp_path / "r.mcap")
    assert not report.problems
    assert set(content_of(archive)["frame"].to_pylist()) == {0, 5}


def test_of_a_video_that_is_cut_off_what_can_be_read_is_kept(make_archive, clips, tmp_path):
    # the index of this MP4 lies at its end: a matroska file tells as it goes
    with av.open(str(clips / "long.mp4")) as source, av.open(str(tmp_path / "v.mkv"), "w") as made:
        stream = made.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    whole = (tmp_path / "v.mkv").read_bytes()
    (tmp_path / "v.mkv").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bad.mp4").write_bytes(whole[:3000])
    archive, report = make_archive(tmp_path / "a", tmp_path / "v.mkv", tmp_path / "bad.mp4")
    assert list(report.problems) == [str(tmp_path / "bad.mp4")]
    assert 4 <= totals(archive).n_frames < 15


def test_damage_inside_costs_the_frames_that_it_hits(make_archive, clips, tmp_path):
    data = bytearray((clips / "long.mp4").read_bytes())
    rng = np.random.default_rng(0)
    begin = len(data) // 2
    data[begin : begin + 4000] = rng.integers(0, 256, 4000, np.uint8).tobytes()
    (tmp_path / "v.mp4").write_bytes(data)
    archive, report = make_archive(tmp_path / "a", tmp_path / "v.mp4")
    held = totals(archive)
    assert not report.problems
    assert held.n_segments == 4
    assert 10 <= held.n_frames <= 15


def test_another_base_or_rate_is_refused(archive_of_clips):
    facts = archive_of_clips.facts
    with pytest.raises(InputError, match="another base"):
        open_or_make(archive_of_clips.place, replace(facts, least_score=0.4), 1.0, "base.onnx")
    with pytest.raises(InputError, match="another rate"):
        open_or_make(archive_of_clips.place, facts, 5.0, "base.onnx")


def test_what_is_live_is_refused(make_archive, tmp_path):
    with pytest.raises(InputError, match="is live"):
        make_archive(tmp_path / "a", "camera:0")


def test_keys_are_readable_and_distinct():
    assert key_of("/a/drive 1.mp4").startswith("drive_1-")
    assert key_of("/a/x.mp4") != key_of("/b/x.mp4")
