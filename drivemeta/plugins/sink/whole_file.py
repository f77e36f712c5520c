"""A file that cannot be gone on with: made again after a kill, and whole under its final name."""

from __future__ import annotations

import os
from pathlib import Path

from drivemeta.errors import OutputError


class WholeFile:
    """Is written as `NAME.part` by whoever opens that path, and ends as `NAME`.

    Args:
        path: Final name.

    Attributes:
        path: Final name.
        part: Name of the unfinished file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")

    def begin(self) -> None:
        """Make the unfinished file, empty.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self.part.write_bytes(b"")
        except OSError as error:
            raise self.error(error) from error

    def finish(self) -> None:
        """Give the file its final name.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            os.replace(self.part, self.path)
        except OSError as error:
            raise self.error(error) from error

    def discard(self) -> None:
        """Throw the unfinished file away."""
        self.part.unlink(missing_ok=True)

    def error(self, error: Exception) -> OutputError:
        """Return what a sink raises where the file could not be written."""
        return OutputError(f"cannot write {self.part}: {error}")
