"""The commit is told where it is known, and never guessed."""

import shutil
import subprocess

import pytest

from drivemeta import __version__, version
from drivemeta.version import commit_of, release

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *words):
    me = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", *me, "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout with one commit of a project of our name."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "drivemeta"\n')
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "tag", "-a", "v9", "-m", "a tag is no commit")
    return folder


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(checkout):
    commit = git(checkout, "rev-parse", "--short=12", "HEAD")
    assert commit_of(checkout) == commit
    (checkout / "pyproject.toml").write_text('[project]\nname = "drivemeta"\n# mine\n')
    assert commit_of(checkout) == f"{commit}, changed"


def test_another_repository_that_git_was_told_of_is_not_asked(checkout, tmp_path, monkeypatch):
    commit = commit_of(checkout)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert commit_of(checkout) == commit


def test_a_folder_in_another_repository_tells_nothing(checkout):
    assert not commit_of(checkout.parent)
    (checkout / "inside").mkdir()
    assert not commit_of(checkout / "inside")
    (checkout / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
    assert not commit_of(checkout)


def test_without_git_nothing_is_told(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not commit_of(checkout)


def test_what_was_built_tells_the_commit_that_it_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "_COMMIT", tmp_path / "COMMIT")
    (tmp_path / "COMMIT").write_text("0123456789ab\n")
    assert release() == f"{__version__} (commit 0123456789ab)"


def test_an_unknown_commit_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "_COMMIT", tmp_path / "COMMIT")
    monkeypatch.setattr(version, "commit_of", lambda _: "")
    assert release() == __version__
