"""What every sink keeps to."""

from pathlib import Path

import pytest

from drivemeta.core.run import CONTEXT, RunContext
from drivemeta.errors import OutputError, PluginError
from drivemeta.plugins import default_registry
from drivemeta.plugins.parameters import parameters

KIND = "sink"


@pytest.fixture(autouse=True)
def _writes_files(name):
    found = default_registry().find(KIND, name)
    try:
        accepted = parameters(default_registry().load(KIND, name))
    except PluginError:
        assert found.manifest.extra, "only what an extra brings may be missing"
        pytest.skip(f"needs the extra {found.manifest.extra}")
    if CONTEXT not in accepted:
        pytest.skip("writes no file: has tests of its own")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def write_all(sink, info, tracked, resume_at: int = 0) -> list[Path]:
    sink.open(info, resume_at)
    begin = sink.commit() if resume_at else 0
    assert begin <= resume_at
    for frame, tracks in tracked[begin:]:
        sink.write(frame, tracks)
    return sink.close()


def contents(folder: Path) -> dict[str, object]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): content(path) for path in files}


def content(path: Path) -> object:
    """Return a file's bytes, or where these hold what is never the same, what they tell."""
    if path.suffix != ".rrd":
        return path.read_bytes()
    from rerun.chunk import RrdReader

    told = []
    for chunk in RrdReader(str(path)).stream().to_chunks():
        batch = chunk.to_record_batch()
        names = [name for name in batch.schema.names if "RowId" not in name]
        rows = batch.select(names).to_pylist()
        told += [(str(chunk.entity_path), row) for row in rows]
    return sorted(told, key=repr)


def test_the_files_it_returns_are_there(create, out, info, tracked):
    written = write_all(create(context=RunContext(out)), info, tracked)
    assert written
    for path in written:
        assert path.is_file()
        assert path.stat().st_size > 0
        assert out in path.parents


def test_nothing_stands_under_its_final_name_before_it_is_closed(create, out, info, tracked):
    sink = create(context=RunContext(out))
    sink.open(info, 0)
    seen = set()
    for frame, tracks in tracked:
        sink.write(frame, tracks)
        seen |= set(out.rglob("*"))
    sink.commit()
    seen |= set(out.rglob("*"))
    assert not seen & set(sink.close())


def test_nothing_else_is_left(create, out, info, tracked):
    written = write_all(create(context=RunContext(out)), info, tracked)
    assert {path for path in out.rglob("*") if path.is_file()} == set(written)


def test_closing_twice_is_allowed(create, out, info, tracked):
    sink = create(context=RunContext(out))
    assert write_all(sink, info, tracked) == sink.close()


def test_commits_never_run_ahead_or_back(create, out, info, tracked):
    sink = create(context=RunContext(out))
    sink.open(info, 0)
    committed = 0
    for n, (frame, tracks) in enumerate(tracked, 1):
        sink.write(frame, tracks)
        now = sink.commit()
        assert committed <= now <= n
        committed = now
    sink.close()


@pytest.mark.parametrize("n_after", [0, 3])
def test_it_goes_on_from_what_it_committed(create, tmp_path, info, tracked, n_after):
    whole, out = tmp_path / "whole", tmp_path / "cut"
    write_all(create(context=RunContext(whole)), info, tracked)
    cut = create(context=RunContext(out))
    cut.open(info, 0)
    for frame, tracks in tracked[:7]:
        cut.write(frame, tracks)
    committed = cut.commit()
    for frame, tracks in tracked[7 : 7 + n_after]:
        cut.write(frame, tracks)
    cut.abort()
    write_all(create(context=RunContext(out)), info, tracked, resume_at=committed)
    assert contents(out) == contents(whole)


def test_aborting_leaves_nothing_finished(create, out, info, tracked):
    sink = create(context=RunContext(out))
    sink.open(info, 0)
    for frame, tracks in tracked:
        sink.write(frame, tracks)
    sink.commit()
    sink.abort()
    sink.abort()
    left = set(contents(out))
    assert not left & {
        path.name for path in write_all(create(context=RunContext(out)), info, tracked)
    }


def test_a_sink_that_is_already_finished_can_be_opened_again(create, tmp_path, info, tracked):
    out = tmp_path / "out"
    write_all(create(context=RunContext(out)), info, tracked)
    before = contents(out)
    write_all(create(context=RunContext(out)), info, tracked, resume_at=7)
    assert contents(out) == before


def test_the_same_frames_give_the_same_files(create, tmp_path, info, tracked):
    found = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        written = write_all(create(context=RunContext(tmp_path / place)), info, tracked)
        found.append({path.name: content(path) for path in written})
    assert found[0] == found[1]


def test_frames_without_objects_are_accepted(create, out, info, tracked):
    empty = [(frame, tracks[:0]) for frame, tracks in tracked]
    assert write_all(create(context=RunContext(out)), info, empty)


def test_a_place_that_cannot_be_written_is_told(create, tmp_path, info, tracked):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_all(create(context=RunContext(tmp_path / "file" / "run")), info, tracked)
    assert (tmp_path / "file").read_text() == "in the way"
