"""What every sink keeps to."""

from contextlib import suppress
from pathlib import Path

import pytest

from drivemeta.errors import OutputError

KIND = "sink"
KILLED = []  # sinks of runs that were cut off: not closed before the end, as after kill -9


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


@pytest.fixture(autouse=True, scope="module")
def _bury():
    yield
    for sink in KILLED:
        with suppress(OSError, OutputError):  # what it wrote to is long gone
            sink.close()


def write_all(sink, info, tracked, resume_at: int = 0) -> list[Path]:
    sink.open(info, resume_at)
    for frame, tracks in tracked[resume_at:]:
        sink.write(frame, tracks)
    return sink.close()


def test_the_files_it_returns_are_there(create, out, info, tracked):
    written = write_all(create(folder=out), info, tracked)
    assert written
    for path in written:
        assert path.is_file()
        assert path.stat().st_size > 0
        assert out in path.parents


def test_nothing_stands_under_its_final_name_before_it_is_closed(create, out, info, tracked):
    sink = create(folder=out)
    sink.open(info, 0)
    seen = set()
    for frame, tracks in tracked:
        sink.write(frame, tracks)
        seen |= set(out.rglob("*"))
    sink.commit()
    seen |= set(out.rglob("*"))
    assert not seen & set(sink.close())


def test_nothing_else_is_left(create, out, info, tracked):
    written = write_all(create(folder=out), info, tracked)
    assert {path for path in out.rglob("*") if path.is_file()} == set(written)


def test_closing_twice_is_allowed(create, out, info, tracked):
    sink = create(folder=out)
    assert write_all(sink, info, tracked) == sink.close()


def test_commits_never_run_ahead_or_back(create, out, info, tracked):
    sink = create(folder=out)
    sink.open(info, 0)
    committed = 0
    for n, (frame, tracks) in enumerate(tracked, 1):
        sink.write(frame, tracks)
        now = sink.commit()
        assert committed <= now <= n
        committed = now
    sink.close()


def test_it_goes_on_from_what_it_committed(create, out, info, tracked):
    cut = create(folder=out)
    cut.open(info, 0)
    for frame, tracks in tracked[:7]:
        cut.write(frame, tracks)
    committed = cut.commit()
    KILLED.append(cut)
    written = write_all(create(folder=out), info, tracked, resume_at=committed)
    assert all(path.stat().st_size > 0 for path in written)


def test_the_same_frames_give_the_same_files(create, tmp_path, info, tracked):
    contents = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        written = write_all(create(folder=tmp_path / place), info, tracked)
        contents.append({path.name: path.read_bytes() for path in written})
    assert contents[0] == contents[1]


def test_frames_without_objects_are_accepted(create, out, info, tracked):
    empty = [(frame, tracks[:0]) for frame, tracks in tracked]
    assert write_all(create(folder=out), info, empty)


def test_a_place_that_cannot_be_written_is_told(create, tmp_path, info, tracked):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_all(create(folder=tmp_path / "file" / "run"), info, tracked)
    assert (tmp_path / "file").read_text() == "in the way"
