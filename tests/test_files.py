"""Files appear whole or not at all."""

import pytest

from drivemeta.errors import OutputError
from drivemeta.files import atomic_path, list_files, list_images, write_bytes, write_text


def test_the_folder_is_made_and_nothing_else_left(tmp_path):
    path = write_text(tmp_path / "a" / "b.txt", "grüß")
    assert path.read_text("utf-8") == "grüß"
    assert list(path.parent.iterdir()) == [path]


def test_nothing_stands_under_the_final_name_before_the_end(tmp_path):
    path = tmp_path / "b.txt"
    with atomic_path(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"


def test_a_failure_leaves_the_old_file_and_no_new_one(tmp_path):
    path = write_bytes(tmp_path / "b.txt", b"old")

    def fail() -> None:
        with atomic_path(path) as partial:
            partial.write_bytes(b"half")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["file/b.txt", "folder"])
def test_an_unwritable_place_is_told(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{name}"):
        write_bytes(tmp_path / name, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_hidden_and_foreign_files_are_no_input(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    for name in (
        "b.JPG",
        "in/a.png",
        "._b.jpg",
        ".hidden.jpg",
        "__MACOSX/b.jpg",
        "@eaDir/b.jpg",
        ".ipynb_checkpoints/b-checkpoint.jpg",
        "notes.txt",
        "folder.jpg/c.txt",
    ):
        write_text(tmp_path / name, "")
    assert [path.name for path in list_images(tmp_path)] == ["b.JPG"]
    assert [path.name for path in list_images(tmp_path, nested=True)] == ["b.JPG", "a.png"]
    assert [p.name for p in list_files(tmp_path, (".txt",), nested=True)] == ["c.txt", "notes.txt"]
    assert list_images(tmp_path / "absent") == []
