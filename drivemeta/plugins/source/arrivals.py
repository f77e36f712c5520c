"""Packets of a live stream, taken as they arrive, so that what is late can be passed over."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import av
from av.container import InputContainer
from av.video.stream import VideoStream

MOST_WAITING = 4096  # packets; the oldest give way
LOOK_S = 0.1  # how often is looked whether to stop


class Arrivals:
    """Reads a track in a thread of its own; its packets wait here and nowhere unseen.

    Where the oldest waits longer than is allowed, those that wait are passed over, and with them
    all up to the next key frame, as pictures cannot be decoded without the ones before.

    Args:
        container: Container of the stream; it may be closed once this is.
        stream: Track to read.
        longest_s: Seconds that a packet may wait.
        stop: Event that ends the iteration from outside.

    Attributes:
        n_passed: Packets that were passed over.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        longest_s: float,
        stop: threading.Event,
    ) -> None:
        self._container, self._stream, self._longest_s = container, stream, longest_s
        self._stop = stop
        self._waiting: deque[tuple[float, av.Packet]] = deque(maxlen=MOST_WAITING)
        self._arrived, self._ended, self._closed = threading.Condition(), False, False
        self.n_passed = 0
        self._thread = threading.Thread(target=self._read, name="arrivals", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[av.Packet]:
        """Yield packets in order until the stream ends, breaks off or stalls, or this is closed."""
        is_passing = False
        while (taken := self._take()) is not None:
            arrived_s, packet = taken
            waited_s = time.monotonic() - arrived_s
            if waited_s > self._longest_s:
                is_passing = True
            elif is_passing and packet.is_keyframe:
                self._stream.codec_context.flush_buffers()
                is_passing = False
            if is_passing:
                self.n_passed += 1
            else:
                yield packet

    def close(self) -> None:
        """Stop reading, which takes until the next packet arrives or the stream stalls."""
        self._closed = True
        self._thread.join()

    def _take(self) -> tuple[float, av.Packet] | None:
        """Return the next packet and when it arrived; None at the end."""
        with self._arrived:
            while not self._stop.is_set():
                if self._waiting:
                    return self._waiting.popleft()
                if self._ended:
                    return None
                self._arrived.wait(LOOK_S)
        return None

    def _read(self) -> None:
        with suppress(OSError, av.FFmpegError):
            for packet in self._container.demux(self._stream):
                with self._arrived:
                    self._waiting.append((time.monotonic(), packet))
                    self._arrived.notify()
                if self._closed:
                    break
        with self._arrived:
            self._ended = True
            self._arrived.notify()
