"""The journal: what is written is read back exactly, damage ends it, other runs are refused."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from drivemeta.core import Detections, Frame
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.scheduler.protocol import InferencePlan
from drivemeta.video.journal import Journal

CLASSES = ("vehicle", "sign")
IDENTITY = {"model": "abc", "input": "clip", "options": {"every": 1, "roi": (0.0, 0.5, 1.0, 1.0)}}
IMAGE = np.zeros((4, 4, 3), np.uint8)


def found(seed: int, n: int) -> Detections:
    random = np.random.default_rng(seed)
    return Detections(
        random.random((n, 4), np.float32) * 1000,
        random.random(n, np.float32),
        random.integers(0, 2, n),
        CLASSES,
    )


def fill(folder, n: int = 10, begin: int = 0) -> Journal:
    journal = Journal(folder, IDENTITY, CLASSES)
    for i in range(begin, n):
        frame = Frame(IMAGE, i, i / 3, None if i == 4 else 1000 * i)
        if i % 3 == 2:
            journal.frame(frame, InferencePlan("skip"), None)
        else:
            journal.frame(frame, InferencePlan("full"), found(i, i % 4))
    journal.close()
    return journal


def opened(folder: Path, identity=IDENTITY, **options) -> Journal:
    """Return what is in a journal, closed again."""
    with closing(Journal(folder, identity, CLASSES, **options)) as journal:
        return journal


def test_other_classes_than_it_was_opened_with_are_refused(tmp_path):
    with closing(Journal(tmp_path, IDENTITY, ("vehicle",))) as journal:
        journal.frame(Frame(IMAGE, 0, 0.0), InferencePlan(), Detections.empty(()))
        with pytest.raises(InputError, match="frame 1: the model's classes changed"):
            journal.frame(Frame(IMAGE, 1, 0.1), InferencePlan(), found(0, 2))


def test_records_come_back_exactly(tmp_path):
    fill(tmp_path)
    records = opened(tmp_path).records
    assert [record.index for record in records] == list(range(10))
    assert records[4].pts is None
    for i, record in enumerate(records):
        assert record.matches(Frame(IMAGE, i, i / 3, None if i == 4 else 1000 * i))
        if i % 3 == 2:
            assert (record.plan.mode, record.detections) == ("skip", None)
            continue
        expected = found(i, i % 4)
        np.testing.assert_array_equal(record.detections.boxes, expected.boxes)
        np.testing.assert_array_equal(record.detections.scores, expected.scores)
        np.testing.assert_array_equal(record.detections.labels, expected.labels)


def test_cut_at_any_byte_it_gives_what_is_whole_and_goes_on(tmp_path):
    data = fill(tmp_path / "whole").path.read_bytes()
    for length in range(0, len(data), 7):
        path = tmp_path / f"{length}" / "journal.bin"
        path.parent.mkdir()
        path.write_bytes(data[:length])
        reached = opened(path.parent)
        fill(path.parent, begin=reached.end)
        assert path.read_bytes() == data


def test_a_damaged_record_ends_it(tmp_path):
    path = fill(tmp_path).path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert 0 < len(opened(tmp_path).records) < 10


def test_frames_that_were_read_back_are_not_written_again(tmp_path):
    before = fill(tmp_path).path.read_bytes()
    journal = Journal(tmp_path, IDENTITY, CLASSES)
    journal.frame(Frame(IMAGE, 3, 1.0), InferencePlan("skip"), None)
    journal.close()
    assert journal.path.read_bytes() == before


def test_the_last_commit_is_known(tmp_path):
    fill(tmp_path)
    assert opened(tmp_path).committed == []
    journal = Journal(tmp_path, IDENTITY, CLASSES)
    journal.commit([3, 0])
    journal.commit([5, 4])
    journal.sync()
    journal.close()
    assert opened(tmp_path).committed == [5, 4]


@pytest.mark.parametrize("key", ["model", "input", "options"])
def test_another_run_is_refused_by_what_differs(tmp_path, key):
    fill(tmp_path)
    with pytest.raises(InputError, match=rf"other {key}.*--fresh"):
        opened(tmp_path, {**IDENTITY, key: "x"})
    fresh = opened(tmp_path, {**IDENTITY, key: "x"}, fresh=True)
    assert (fresh.records, fresh.end) == ([], 0)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="run"):
        Journal(tmp_path / "run", IDENTITY, CLASSES)
