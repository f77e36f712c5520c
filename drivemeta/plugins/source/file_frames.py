"""The frames of a video file, decoded from its beginning to its end, damaged ones passed over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import av

from drivemeta.core.videos import OpenVideo


class FileFrames:
    """Decodes a track once; what cannot be decoded is counted and passed over.

    Args:
        opened: Video, at its beginning.
        reopen: Function that opens the file again.

    Attributes:
        n_corrupt: Packets that could not be read or decoded.
        n_marked: Packets that FFmpeg marks as damaged, as where packets of a transport stream lack.
        stamps_grow: Whether the packets lie in the order of their stamps.
    """

    def __init__(self, opened: OpenVideo, reopen: Callable[[], OpenVideo]) -> None:
        self._opened, self._reopen = opened, reopen
        self.n_corrupt, self.n_marked, self.stamps_grow = 0, 0, True
        self._n_packets = self._n_frames = 0
        self._packet_pts: int | None = None
        # Frames that are shown before the last key frame may need the one before it.
        self._key_pts: deque[int] = deque(maxlen=2)
        self._last_pts: int | None = None
        self._can_seek = True

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Yield the frames in order of presentation."""
        for decoded in self._from_beginning():
            self._n_frames += 1
            self._can_seek &= decoded.pts is not None and decoded.pts > (self._last_pts or -(2**63))
            self._last_pts = decoded.pts
            yield decoded
        if self._n_frames < self._n_packets and self._can_seek and self._key_pts:
            yield from self._lost_at_the_end(self._key_pts[0], self._n_packets - self._n_frames)

    def _from_beginning(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            self._see(packet)
            try:
                yield from packet.decode()
            except av.EOFError:
                return
            except av.FFmpegError:
                self.n_corrupt += 1

    def _packets(self) -> Iterator[av.Packet]:
        """Yield the packets, the last of which empties the decoder, whatever ends the reading."""
        stream = self._opened.stream
        try:
            yield from self._opened.container.demux(stream)
        except av.EOFError:
            return
        except av.FFmpegError:
            self.n_corrupt += 1
            last = av.Packet()
            last.stream, last.time_base = stream, stream.time_base
            yield last

    def _lost_at_the_end(self, key_pts: int, n_lost: int) -> Iterator[av.VideoFrame]:
        """Yield whole frames that threads of FFmpeg's decoders drop with a damaged one at the end.

        Args:
            key_pts: Stamp of the key frame from which one thread decodes again.
            n_lost: Frames at most.
        """
        n_failed = 0
        again = self._reopen()
        with again.container:
            again.stream.thread_type = "NONE"
            try:
                again.container.seek(key_pts, stream=again.stream)
                for packet in again.container.demux(again.stream):
                    try:
                        decoded = packet.decode()
                    except av.EOFError:
                        break
                    except av.FFmpegError:
                        n_failed += 1
                        continue
                    for frame in decoded:
                        if n_lost and frame.pts is not None and frame.pts > (self._last_pts or 0):
                            self._last_pts, n_lost = frame.pts, n_lost - 1
                            yield frame
            except av.FFmpegError:
                n_failed += 1
        self.n_corrupt = max(self.n_corrupt, n_failed)

    def _see(self, packet: av.Packet) -> None:
        """Take in what a packet says of its frame."""
        self.n_marked += packet.is_corrupt
        self._n_packets += packet.size > 0 and not packet.is_discard
        if packet.pts is not None:
            if packet.is_keyframe:
                self._key_pts.append(packet.pts)
            self.stamps_grow &= self._packet_pts is None or self._packet_pts <= packet.pts
            self._packet_pts = packet.pts
