"""What is kept for the user lies in the cache folder, or in a temporary one of this user alone."""

import os

import pytest

from drivemeta import paths
from drivemeta.errors import OutputError
from drivemeta.paths import user_cache


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """Let the cache folder be one that cannot be made, and the temporary ones lie in a folder."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path))
    paths._temporary.cache_clear()
    yield tmp_path / f"drivemeta-{os.getuid()}"
    paths._temporary.cache_clear()


def test_the_cache_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert user_cache() == tmp_path / "cache" / "drivemeta"
    assert not (tmp_path / "cache").exists()


def test_a_home_that_cannot_be_written_is_replaced_by_a_temporary_folder(unwritable):
    assert user_cache() == unwritable
    assert unwritable.stat().st_mode & 0o777 == 0o700
    assert user_cache() == unwritable


def test_a_temporary_folder_that_others_can_write_is_refused_with_the_remedy(unwritable):
    unwritable.mkdir()
    unwritable.chmod(0o777)
    with pytest.raises(OutputError, match=r"not this user's alone.*XDG_CACHE_HOME"):
        user_cache()
