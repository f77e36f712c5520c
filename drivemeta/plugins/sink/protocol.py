"""What a sink plugin must be able to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from drivemeta.core.stream import StreamInfo

if TYPE_CHECKING:
    from drivemeta.core import Frame, Tracks


class Sink(Protocol):
    """Writes results; nothing stands under its final name before `close`.

    After a kill, a new object is opened at the last commit of the old one; what was written after
    that commit is thrown away and written again. A sink that cannot go on begins anew.
    """

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin writing, or go on; frames before `resume_at` were committed by an earlier run.

        Asked next, `commit` tells the frame it really goes on from: 0 if it begins anew.
        """

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take one frame's result, in order."""

    def commit(self) -> int:
        """Make what was written durable; return the frame that a new run would go on from."""

    def close(self) -> list[Path]:
        """Finish; return the files written. May be called twice."""

    def abort(self) -> None:
        """Release everything without finishing; what was committed stays. May be called twice."""
