"""Live streams through PyAV, connected again when they break off."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import av

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.core.videos import upright, video_track
from drivemeta.errors import VideoError
from drivemeta.plugins.source.arrivals import Arrivals
from drivemeta.plugins.source.protocol import SourceCounts

LONGEST_PAUSE_S = 30.0


class StreamSource:
    """Reads a live stream; times are those of arrival, counted from the first frame.

    A stream that ends, breaks off or stalls is connected to again, after pauses that double up to
    30 seconds. What comes faster than it can be decoded is passed over, up to the next key frame.

    Args:
        address: Address such as `rtsp://camera/stream`, in any protocol that FFmpeg knows.
        timeout_s: Seconds without data after which the stream counts as stalled.
        retries: Number of attempts in a row that may fail; None never gives up.
        pause_s: Seconds before the first attempt to connect again.
        transport: Transport of RTSP: `tcp` or `udp`.
        behind_s: Seconds that what has arrived may wait for the decoder.

    Raises:
        VideoError: there is no stream at the address, no video in it, or a file that ends.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float = 10.0,
        retries: int | None = None,
        pause_s: float = 0.5,
        transport: str = "tcp",
        behind_s: float = 1.0,
    ) -> None:
        self._address, self._timeout_s, self._retries = address, timeout_s, retries
        self._pause_s, self._transport, self._behind_s = pause_s, transport, behind_s
        self._n_corrupt = self._n_reconnects = self._n_passed = 0
        self._closed, self._reading = threading.Event(), False
        try:
            self._container = self._connect()
        except (OSError, av.FFmpegError) as error:
            raise VideoError(f"expected a video stream, cannot read {address}: {error}") from error
        if self._is_file():
            self._container.close()
            raise VideoError(
                f"expected a live stream, found a file at {address}, which would come again and "
                "again: download it, and give the file"
            )
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate or 30
        size = (stream.height, stream.width)
        self._info = StreamInfo(address, (), size, float(rate), None, live=True)

    def info(self) -> StreamInfo:
        """Describe the stream as it was when first connected to."""
        return self._info

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames as they arrive.

        Raises:
            VideoError: as many attempts to connect again failed as are allowed.
        """
        index, started, last_s = 0, time.monotonic(), -1.0
        self._reading = True
        try:
            while not self._closed.is_set():
                for decoded in self._decoded():
                    started = started if index else time.monotonic()
                    last_s = max(time.monotonic() - started, last_s + 1e-4)
                    yield Frame(upright(decoded), index, last_s, decoded.pts)
                    index += 1
                self._reconnect()
        finally:
            self._reading = False
            if self._closed.is_set():
                self._container.close()

    def counts(self) -> SourceCounts:
        """Return the packets passed over, and how often the stream was connected to again."""
        passed = self._n_passed
        notes = [self._note] if self._note else []
        if passed:
            notes.append(f"{passed} packets came faster than they could be decoded: passed over")
        return SourceCounts(self._n_corrupt, self._n_reconnects, notes=tuple(notes))

    def close(self) -> None:
        """End the stream; the thread that reads it, if any, closes the connection when it sees."""
        self._closed.set()
        if not self._reading:
            self._container.close()

    def _is_file(self) -> bool:
        """Tell whether a web server gives a video that ends: of a known length, or a whole list."""
        if not self._address.lower().startswith(("http", "ftp")):
            return False
        is_still = self._container.format.name.endswith("_pipe")  # a camera that is asked for each
        return bool(self._container.duration) or (self._container.size > 0 and not is_still)

    def _connect(self) -> Any:
        options = {"rtsp_transport": self._transport} if self._address.startswith("rtsp") else {}
        container = av.open(
            self._address, timeout=self._timeout_s, options=options, metadata_errors="replace"
        )
        try:
            self._stream, self._note = video_track(container)
        except ValueError as error:
            container.close()
            raise VideoError(
                f"expected a video stream, found none at {self._address}: {error}"
            ) from error
        return container

    def _decoded(self) -> Iterator[Any]:
        """Yield frames until the stream ends, breaks off or stalls."""
        passed = self._n_passed
        arrivals = Arrivals(self._container, self._stream, self._behind_s, self._closed)
        with closing(arrivals):
            for packet in arrivals:
                self._n_passed = passed + arrivals.n_passed
                try:
                    yield from packet.decode()
                except av.EOFError:
                    return
                except av.FFmpegError:
                    self._n_corrupt += 1

    def _reconnect(self) -> None:
        self._container.close()
        pause_s, failed = self._pause_s, 0
        while not self._closed.wait(pause_s):
            try:
                self._container = self._connect()
            except (OSError, av.FFmpegError, VideoError) as error:
                failed += 1
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                if self._retries is not None and failed > self._retries:
                    raise VideoError(
                        f"{self._address} broke off, and {failed} attempts to connect again "
                        f"failed: {error}"
                    ) from error
            else:
                self._n_reconnects += 1
                return
