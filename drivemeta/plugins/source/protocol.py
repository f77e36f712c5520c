"""What a source plugin must be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from drivemeta.core.stream import StreamInfo

if TYPE_CHECKING:
    from drivemeta.core import Frame


@dataclass(frozen=True)
class SourceCounts:
    """What a source has met with so far.

    Attributes:
        n_corrupt: Packets, messages or files that could not be decoded and were passed over.
        n_reconnects: Times that a stream was connected to again.
        ended_early: Whether the source gave fewer frames than it announced; known at its end.
        notes: What a user should know of how the stream was read, a sentence each.
    """

    n_corrupt: int = 0
    n_reconnects: int = 0
    ended_early: bool = False
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """Gives frames in order; a context that is closed when the run ends."""

    def info(self) -> StreamInfo:
        """Describe the stream; `classes` is left empty."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of presentation."""

    def counts(self) -> SourceCounts:
        """Return what went wrong so far; `SourceCounts()` of a source that counts nothing.

        It may be called at any time, after `close` too, and by another thread than the one that
        iterates.
        """

    def close(self) -> None:
        """Release the file or device; may be called twice.

        Of a live source it may be called while another thread iterates, and ends that soon.
        """
