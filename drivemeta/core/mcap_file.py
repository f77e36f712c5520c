"""Messages of an MCAP file, with or without an index (extra `mcap`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Any

from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader, make_reader
from zstandard import ZstdError

# What the reader raises on a file that is cut off or damaged; RuntimeError and ZstdError are those
# of compressed chunks.
MCAP_DAMAGED = (
    *(McapError, ZstdError, struct.error, RuntimeError, EOFError, OverflowError),
    *(MemoryError, ValueError, LookupError),
)


def mcap_summary(stream: IO[bytes]) -> Any:
    """Return a file's summary, None where it has none that can be read."""
    try:
        return make_reader(stream).get_summary()
    except MCAP_DAMAGED:
        return None


def mcap_messages(
    stream: IO[bytes], topics: list[str] | None = None
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield schema, channel and message of a file; without an index, in the order they lie.

    Args:
        stream: Stream of the file.
        topics: Topics wanted; None for all.

    Raises:
        whatever is in `MCAP_DAMAGED`: the file is damaged or cut off here.
    """
    reader = make_reader(stream)
    indexed = mcap_summary(stream) is not None
    if not indexed:
        stream.seek(0)
        reader = NonSeekingReader(stream)
    yield from reader.iter_messages(topics, log_time_order=indexed)
