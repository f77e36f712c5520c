"""Files appear whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from drivemeta.errors import ConfigError, InputError, OutputError
from drivemeta.files import (
    atomic_path,
    check_folder,
    check_name,
    list_files,
    list_images,
    new_folder,
    read_yaml,
    run_folder,
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


def test_a_folder_is_judged_without_being_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert check_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()
    with pytest.raises(OutputError, match="file is a file"):
        check_folder(tmp_path / "file" / "b")


def test_folders_made_in_vain_go_again(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("a/b", "there/c", "there"):
        with pytest.raises(ValueError, match="no more"), new_folder(tmp_path / name):
            raise ValueError("no more")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    kept = tmp_path / "a" / "b" / "kept.txt"
    with pytest.raises(ValueError, match="no more"), new_folder(kept.parent):
        raise ValueError(f"no more{kept.touch() or ''}")
    assert kept.exists()


def test_one_run_a_folder(tmp_path):
    out = tmp_path / "out"
    with run_folder(out):
        with pytest.raises(InputError, match=r"another run is writing into .*out"), run_folder(out):
            raise AssertionError("two runs in one folder")
        (out / "result").touch()
    assert [path.name for path in out.iterdir()] == ["result"]
    with run_folder(out):
        pass


HOLD = """
import sys, time
from drivemeta.files import run_folder
with run_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_leaves_no_lock_behind(tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run"), run_folder(out):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with run_folder(out):
        (out / "result").touch()
    assert [path.name for path in out.iterdir()] == ["result"]


def test_files_have_the_mode_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_bytes(tmp_path / "a.png", b"x")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


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
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),  # the parser in C would crash
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


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_no_text_is_refused_where_it_is_input(tmp_path):
    name = os.fsdecode(b"x\xff.jpg")
    (tmp_path / name).write_bytes(b"")
    assert [path.name for path in list_files(tmp_path)] == [name]
    with pytest.raises(InputError, match=r"in UTF-8, found b'.*x\\xff.jpg': give it another name"):
        list_images(tmp_path)
    with pytest.raises(InputError, match="locale is not UTF-8; set PYTHONUTF8=1"):
        check_name("é".encode().decode("ascii", "surrogateescape"))
    check_name("é,'\n.mp4")
