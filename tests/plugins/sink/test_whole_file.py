"""A file that cannot be gone on with stands under its final name only when it is whole."""

import pytest

from drivemeta.errors import OutputError
from drivemeta.plugins.sink.whole_file import WholeFile


def test_it_has_its_final_name_when_it_is_finished(tmp_path):
    file = WholeFile(tmp_path / "run" / "drive.bin")
    file.begin()
    file.part.write_bytes(b"whole")
    assert not file.path.exists()
    file.finish()
    assert file.path.read_bytes() == b"whole"
    assert not file.part.exists()


def test_it_begins_anew_and_is_thrown_away(tmp_path):
    file = WholeFile(tmp_path / "drive.bin")
    file.part.write_bytes(b"of a run that was killed")
    file.begin()
    assert file.part.read_bytes() == b""
    file.discard()
    file.discard()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"drive\.bin\.part"):
        WholeFile(tmp_path / "file" / "drive.bin").begin()
    with pytest.raises(OutputError, match=r"drive\.bin\.part"):
        WholeFile(tmp_path / "drive.bin").finish()
