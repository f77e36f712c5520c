"""Files appear whole or not at all."""

import pytest

from drivemeta.errors import ConfigError, OutputError
from drivemeta.files import (
    atomic_path,
    list_files,
    list_images,
    read_yaml,
    write_bytes,
    write_text,
)


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


def test_yaml_is_read_as_plain_values(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("common: &c {rate: 0.5}\na: {<<: *c, n: 1}\nb: [*c, *c]\n")
    common = {"rate": 0.5}
    assert read_yaml(path) == {"common": common, "a": common | {"n": 1}, "b": [common] * 2}
    path.write_text("")
    assert read_yaml(path) is None


ALIASES = "\n".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(30)
)
MERGES = "\n".join(
    f"a{i}: &a{i} {{k{i}: 1, <<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ALIASES, "once its aliases are written out"),
        ("a0: &a0 {x: 1}\n" + MERGES, "once its aliases are written out"),
        ("a: &a [*a]", "found inf"),
        ("[" * 5000, "nested too deeply"),
        ("a: 2020-99-99", "month must be in"),
        ("a: b\0", ""),
        ("a: " + "9" * 6000, ""),
        ("a: [", ""),
        ("a: \xff".encode("latin-1"), "decode"),
    ],
)
def test_hostile_yaml_gives_one_message(tmp_path, text, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=rf"cannot read .*a\.yaml: .*{message}"):
        read_yaml(path)
