"""The command line as a whole: lists, exit codes, messages without tracebacks."""

import os
import subprocess
import sys

import pytest

from drivemeta.cli import main as cli
from drivemeta.errors import DriveMetaError, InputError
from drivemeta.version import release
from tests.helpers.cli import call


def test_help_lists_every_command(capsys):
    assert call("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


def test_help_answers_soon():
    # Processor time of the best of three: another process on the machine must not fail this.
    spent = []
    for _ in range(3):
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "drivemeta.cli.main", "--help"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = os.times()
        spent.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    assert min(spent) < 0.5


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert call(name, "--help") == 0
    assert f"drivemeta {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_is_explained(name):
    command = cli.load_command(name)
    below = getattr(command, "commands", {}) or {name: command}
    for each in below.values():
        assert each.help
        unexplained = [p.name for p in each.params if not getattr(p, "help", None)]
        assert not unexplained


def test_version(capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out == f"drivemeta {release()}\n"


def test_a_misspelt_command_suggests_the_nearest(capsys):
    assert call("trian") == 2
    assert "Did you mean 'train'" in capsys.readouterr().err


def test_a_misspelt_option_is_wrong_usage(capsys):
    assert call("plugins", "--jsn") == 2
    assert "--json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("expected a, found b"), 2),
        (DriveMetaError("it failed"), 1),
        (PermissionError(13, "Permission denied", "/out/x"), 1),
    ],
)
def test_an_error_is_one_message_and_its_code(error, code, capsys, monkeypatch):
    def fail(**_):
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert call("plugins") == code
    shown = capsys.readouterr().err
    assert shown == f"error: {error}\n"


def test_an_argument_that_is_no_text_is_told(capsys):
    assert call("process", os.fsdecode(b"a\xff.mp4"), "--out", "run") == 2
    assert "expected file names in UTF-8, found b'a\\xff.mp4'" in capsys.readouterr().err
