"""The journal: what is written is read back exactly, damage ends it, other runs are refused."""

import struct
import zlib
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


def record(payload: bytes) -> bytes:
    """Return a record whose checksum is right, whatever it says."""
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def frame_record(index=10, mode=2, n=0, arrays=b"", kind=b"F") -> bytes:
    return struct.pack("<cQdqBBI", kind, index, 3.0, 0, 0, mode, n) + arrays


BOX = np.array([1, 2, 3, 4, 0.5], "<f4").tobytes()
SENSELESS = {
    "cut": b"F12",
    "of another kind": frame_record(kind=b"X"),
    "of no mode": frame_record(mode=9),
    "of a frame that was": frame_record(index=4),
    "with fewer detections than it says": frame_record(n=3, arrays=BOX),
    "with a label of no class": frame_record(n=1, arrays=BOX + np.int64(7).tobytes()),
    "with a box of no number": frame_record(
        n=1, arrays=np.full(5, np.nan, "<f4").tobytes() + bytes(8)
    ),
    "with more than it says": frame_record(arrays=b"12"),
    "a commit that is no list": b"C-9223372036854775809",
    "a commit of nothing": b"C[null]",
    "a commit of words": b'C["3"]',
    "a commit of frames to come": b"C[11]",
    "a commit before the first frame": b"C[-1]",
    "a commit in no JSON": b"C[1",
}


@pytest.mark.parametrize("what", SENSELESS)
def test_a_record_that_makes_no_sense_ends_it(tmp_path, what):
    path = fill(tmp_path).path
    whole = path.read_bytes()
    path.write_bytes(whole + record(SENSELESS[what]) + record(frame_record(index=11)))
    reached = opened(tmp_path)
    assert (reached.end, reached.committed) == (10, [])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("said", [b"1 2", b"\xff\xfe", b"[3]", b"null", b'{"a": 1'])
def test_a_journal_that_does_not_say_of_which_run_is_refused(tmp_path, said):
    (tmp_path / "journal.bin").write_bytes(record(said) + record(frame_record()))
    with pytest.raises(InputError, match=r"journal\.bin, found a damaged one.*--fresh"):
        opened(tmp_path)
    assert opened(tmp_path, fresh=True).end == 0


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
