"""What sinks that write an MCAP have in common (extra `mcap`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mcap.exceptions import McapError
from mcap.writer import Writer

from drivemeta.plugins.sink.whole_file import WholeFile


class McapSink:
    """A recording that is made again after a kill; a sink opens it and adds messages.

    Args:
        path: Final name of the file.
        profile: Profile that the recording names: `ros2`, or none.
    """

    def __init__(self, path: Path, profile: str = "") -> None:
        self._target, self._profile = WholeFile(path), profile
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def begin(self) -> Writer:
        """Begin anew; return the writer, to register channels with.

        Raises:
            OutputError: it cannot be written.
        """
        self._target.begin()
        with self.writing():
            self._file = self._target.part.open("wb")
            self._writer = Writer(self._file)
            self._writer.start(profile=self._profile, library="drivemeta")
        return self._writer

    def add(self, channel: int, data: bytes, time_ns: int, sequence: int) -> None:
        """Add a message.

        Raises:
            OutputError: it cannot be written.
        """
        with self.writing():
            self._writer.add_message(channel, time_ns, data, time_ns, sequence)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what writing raises into an OutputError."""
        try:
            yield
        except (OSError, McapError) as error:
            raise self._target.error(error) from error

    def commit(self) -> int:
        """Return 0: the index comes last, so an unfinished recording is made again."""
        return 0

    def close(self) -> list[Path]:
        """Write the index and give the file its final name."""
        if self._file is not None:
            with self.writing():
                self._writer.finish()
                self._file.close()
            self._target.finish()
            self._file = None
        return [self._target.path]

    def abort(self) -> None:
        """Throw the recording away."""
        if self._file is not None:
            self._file.close()
            self._target.discard()
        self._file = None
