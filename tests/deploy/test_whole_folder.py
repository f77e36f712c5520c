"""Folders that appear whole or not at all, and what killed runs leave."""

import os
import signal
import subprocess
import sys

import pytest

from drivemeta.deploy.whole_folder import whole_folder
from drivemeta.errors import InputError

KILLED = """
import sys, time
from drivemeta.deploy.whole_folder import whole_folder
with whole_folder(sys.argv[1], replace=True) as folder:
    (folder / "half").touch()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path):
    out = tmp_path / "new" / "signs"
    words = [sys.executable, "-c", KILLED, str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "writing\n"
        with pytest.raises(InputError, match="another run is writing"), whole_folder(out):
            pass
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert (out.parent / ".signs.part" / "half").exists()
    with whole_folder(out) as folder:
        (folder / "whole").touch()
    assert [path.name for path in out.parent.iterdir()] == ["signs"]
    assert [path.name for path in out.iterdir()] == ["whole"]


def test_what_a_killed_run_had_put_aside_comes_back(tmp_path):
    (tmp_path / ".signs.old").mkdir()
    (tmp_path / ".signs.old" / "before").touch()
    with pytest.raises(InputError, match="say --replace"), whole_folder(tmp_path / "signs"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["signs", "before"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no more"), whole_folder(tmp_path / "new" / "signs"):
        raise ValueError("no more")
    assert not list(tmp_path.iterdir())
