"""The command line, called in this process."""

from __future__ import annotations

import pytest

from drivemeta.cli import main as cli


def call(*words: object) -> int:
    """Return the exit code of the command line."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code or 0
