"""The sinks of a run: each frame handed to all, committed from time to time, closed at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from drivemeta.core import Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.video.journal import Journal

COMMIT_S = 2.0  # seconds between commits of the sinks: as much work is done again after a kill


class SinkWriter:
    """Hands frames to the sinks, and lets them commit from time to time.

    Args:
        sinks: Sinks of the run; they are opened.
        info: Description of the stream.
        journal: Journal of the run; None for a run that cannot be continued.
    """

    def __init__(self, sinks: Sequence[Sink], info: StreamInfo, journal: Journal | None) -> None:
        self._sinks, self._journal = sinks, journal
        committed = journal.committed if journal else []
        for i, sink in enumerate(sinks):
            with Calling(sink, "open"):
                sink.open(info, committed[i] if i < len(committed) else 0)
        self._writing = [Calling(sink, "write") for sink in sinks]
        self._starts = [_commit(sink) for sink in sinks] if committed else [0] * len(sinks)
        self._committed_at = time.monotonic()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Hand a frame to each sink that lacks it."""
        for sink, start, writing in zip(self._sinks, self._starts, self._writing, strict=True):
            if frame.index >= start:
                with writing:
                    sink.write(frame, tracks)
        if self._journal is not None and time.monotonic() - self._committed_at > COMMIT_S:
            self._commit(self._journal)

    def close(self) -> list[Path]:
        """Close the sinks; return the files that they wrote."""
        if self._journal is not None:
            self._commit(self._journal)
        return [path for sink in self._sinks for path in _close(sink)]

    def _commit(self, journal: Journal) -> None:
        journal.sync()
        journal.commit([_commit(sink) for sink in self._sinks])
        self._committed_at = time.monotonic()


def _commit(sink: Sink) -> int:
    committing = Calling(sink, "commit")
    with committing:
        return committing.returned(sink.commit(), int)


def _close(sink: Sink) -> list[Path]:
    finishing = Calling(sink, "close")
    with finishing:
        return [finishing.returned(path, Path) for path in finishing.returned(sink.close(), list)]
