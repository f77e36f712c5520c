"""A file is read again when it changed, and only then."""

import os

import pytest

from drivemeta.core.file_memory import remembered


def test_a_file_is_read_anew_when_it_changed(tmp_path):
    asked = []

    @remembered(at_most=2)
    def read(path):
        """Return the text."""
        asked.append(path.name)
        return path.read_text()

    a, b, c = (tmp_path / name for name in "abc")
    for path in (a, b, c):
        path.write_text(path.name)
    assert [read(path) for path in (a, a, b, a, b)] == ["a", "a", "b", "a", "b"]
    assert asked == ["a", "b"]
    a.write_text("more")
    assert read(a) == "more"
    b.write_text("x")
    os.utime(b, ns=(0, 1))
    assert read(b) == "x"
    assert [read(c), read(b), read(a)] == ["c", "x", "more"]
    assert asked == ["a", "b", "a", "b", "c", "a"]
    assert read.__doc__ == "Return the text."


def test_what_is_raised_is_raised_again(tmp_path):
    @remembered(at_most=2)
    def read(path):
        if not path.exists():
            raise ValueError("there is none")
        raise ValueError("it is damaged")

    path = tmp_path / "a"
    with pytest.raises(ValueError, match="there is none"):
        read(path)
    path.touch()
    for _ in range(2):
        with pytest.raises(ValueError, match="it is damaged"):
            read(path)
