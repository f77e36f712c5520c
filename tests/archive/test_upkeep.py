"""Verifying and compacting; a full disk, damaged files, an object store that fails."""

import errno
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from drivemeta.archive.counts import count, totals
from drivemeta.archive.matching import _whole_frames
from drivemeta.archive.places import Video
from drivemeta.archive.scores import Scorer
from drivemeta.archive.store import open_archive
from drivemeta.archive.upkeep import compact, verify
from drivemeta.archive.worker import Worker, WorkerSettings
from drivemeta.errors import InputError
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.archives import content_of


def test_a_sound_archive(archive_of_clips):
    found = verify(archive_of_clips)
    assert found.is_sound
    assert not found.unfinished
    assert not found.others
    assert not found.twice
    held = totals(archive_of_clips)
    assert (found.n_files, found.n_rows, found.n_frames) == (5, held.n_boxes, held.n_frames)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_damage_is_found_and_mended_by_indexing_again(damage, make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    before = content_of(archive)
    broken = Path(archive.files()[2].path)
    data = bytearray(broken.read_bytes())
    if damage == "flip":
        data[len(data) // 3] ^= 0xFF
    made = {"cut": data[: len(data) // 2], "empty": b"", "other": b"PAR1 no Parquet PAR1"}
    broken.write_bytes(made.get(damage, data))
    found = verify(archive)
    assert [problem.path for problem in found.damaged] == [str(broken)]
    assert not found.is_sound
    assert found.n_files == 4
    broken.unlink()
    make_archive(tmp_path / "a", clips)
    assert verify(archive).is_sound
    assert content_of(archive).equals(before)


def test_what_is_missing_and_what_is_foreign(make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    gone = archive.files()[1]
    Path(gone.path).unlink()
    odd = Path(gone.path).with_name(".000001.parquet.77.part")
    odd.write_bytes(b"half")
    found = verify(archive)
    assert found.unfinished == {str(clips / "long.mp4"): [1]}
    assert found.others == [str(odd)]
    compact(archive)
    assert not odd.exists()


def test_compacting_keeps_every_row(make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    before, held = content_of(archive), totals(archive)
    assert compact(archive) == (5, 2)
    after = totals(archive)
    assert content_of(archive).equals(before)
    assert (after.n_segments, after.n_frames) == (held.n_segments, held.n_frames)
    assert verify(archive).is_sound
    _, report = make_archive(tmp_path / "a", clips)
    assert (report.n_done, report.n_there) == (0, 5)
    assert compact(archive) == (2, 2)


def test_compacting_that_was_killed_counts_nothing_twice(make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    before = content_of(archive)
    single = Path(archive.files()[0].path)
    data = single.read_bytes()
    compact(archive)
    single.write_bytes(data)  # as if it had been killed before it removed what it joined
    assert content_of(archive).equals(before)
    assert verify(archive).twice == [str(single)]
    compact(archive)
    assert not single.exists()


def test_a_full_disk_is_told_and_harms_nothing(make_archive, clips, monkeypatch, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips / "short.mp4")
    before = content_of(archive)
    write, n = Path.write_bytes, 0

    def full(self, data):
        nonlocal n
        n += "boxes" in str(self)
        if n > 2:
            write(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    _, report = make_archive(tmp_path / "a", clips / "long.mp4")
    (problem,) = report.problems[str(clips / "long.mp4")]
    assert "cannot write" in problem
    assert "No space left" in problem
    assert report.n_done == 2  # and what came after it was not tried
    found = verify(archive)
    assert found.is_sound
    assert not found.others
    monkeypatch.undo()
    rows = content_of(archive)
    mine = [video.endswith("short.mp4") for video in rows["video"].to_pylist()]
    assert rows.filter(np.array(mine)).equals(before)


def test_counts_by_class_video_and_hour(make_archive, clips, quick_base, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips)
    scorer = Scorer.of(read_model_file(quick_base), 0.31)
    rows, problems = count(archive, scorer, ["video", "class"])
    assert not problems
    by_video = {}
    for row in rows:
        by_video[row["video"]] = by_video.get(row["video"], 0) + row["boxes"]
    assert by_video[str(clips / "long.mp4")] == 5 * by_video[str(clips / "short.mp4")] > 0
    hours, _ = count(archive, scorer, ["hour"])
    assert hours == [{"hour": 0, "boxes": sum(by_video.values())}]
    with pytest.raises(InputError, match="--by: expected some of class, video, hour"):
        count(archive, scorer, ["colour"])


def test_an_archive_of_a_later_version_is_refused(make_archive, clips, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips / "short.mp4")
    manifest = tmp_path / "a" / "archive.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(InputError, match="a later version of DriveMeta made it"):
        open_archive(archive.place)
    manifest.write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        open_archive(archive.place)
    with pytest.raises(InputError, match=r"found no archive\.json"):
        open_archive(tmp_path)


def test_a_base_that_was_replaced_meanwhile_adds_nothing(make_archive, clips, base_model, tmp_path):
    archive, _ = make_archive(tmp_path / "a", clips / "short.mp4")
    Path(archive.files()[0].path).unlink()
    worker = Worker(WorkerSettings(archive.place, str(base_model), "cpu"))
    (segment,) = worker.run(Video(str(clips / "short.mp4"), "file")).segments
    done = worker.run(segment)
    assert done.fatal
    assert "another base" in done.problem


def test_frames_that_row_groups_cut_are_scored_whole(
    make_archive, clips, quick_base, monkeypatch, tmp_path
):
    monkeypatch.setattr("drivemeta.archive.segment_file.ROWS_A_GROUP", 7)  # of nine a frame
    archive, _ = make_archive(tmp_path / "a", clips)
    (file, *_) = archive.files()
    batches = list(_whole_frames(archive, file))
    assert len(batches) > 2
    frames = [set(batch["frame"].to_pylist()) for batch in batches]
    assert sum(map(len, frames)) == len(set.union(*frames))
    whole = pa.concat_tables(batches)
    assert whole["score"].to_pylist() == archive.table(file)[1]["score"].to_pylist()
