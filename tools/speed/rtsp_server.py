"""A camera that misbehaves: an RTSP server whose streams stall, break off, change and send rubbish.

RTSP 1.0 (RFC 2326) with RTP inside its TCP connection; H.264 (RFC 6184) and H.265 (RFC 7798), whole
units and fragments. Each picture bears its number in black and white squares, which survive the
codec, so that whoever reads it knows how old it is.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

End = Literal["close", "stall", "garbage"]
N_BITS, SQUARE, CLOCK = 16, 16, 90_000
MOST_BYTES = 1200  # of a packet's payload
KEPT = 5000  # pictures of which it is known when they were sent
_SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=live
c=IN IP4 127.0.0.1
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 {name}/90000
a=control:track0
"""
_SOUND = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=live
c=IN IP4 127.0.0.1
t=0 0
m=audio 0 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=control:track0
"""


@dataclass(frozen=True)
class Act:
    """What one connection gets.

    Attributes:
        codec: `h264` or `hevc`.
        size: Height and width in pixels, 32 and 256 at least.
        n_frames: Number of pictures.
        end: How it ends: the connection is closed, or stays open and silent, or goes on with bytes
            that are no RTP.
        damage: Part of the packets in which a byte is wrong.
        has_video: Whether video is offered; if not, sound without a single packet.
    """

    codec: Literal["h264", "hevc"] = "h264"
    size: tuple[int, int] = (96, 256)
    n_frames: int = 50
    end: End = "close"
    damage: float = 0.0
    has_video: bool = True


def numbered(index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a grey picture that bears a number, (height, width, 3) uint8 BGR."""
    image = np.full((*size, 3), 90 + index % 40, np.uint8)
    image[SQUARE:, :, 1] = np.linspace(0, 255, size[1], dtype=np.uint8)
    for bit in range(N_BITS):
        image[:SQUARE, bit * SQUARE : (bit + 1) * SQUARE] = 255 * (index >> bit & 1)
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """Return the number that a picture bears."""
    row = image[SQUARE // 4 : 3 * SQUARE // 4, : N_BITS * SQUARE].mean((0, 2))
    bits = row.reshape(N_BITS, SQUARE)[:, SQUARE // 4 : 3 * SQUARE // 4].mean(1) > 127
    return sum(1 << bit for bit in range(N_BITS) if bits[bit])


class Camera:
    """Serves the acts one after the other, over and over, each connection the next one.

    Args:
        acts: Acts.
        fps: Pictures a second.

    Attributes:
        address: Address to read from.
        sent_s: When each of the last pictures was sent, by its number (`time.monotonic`).
        n_connections: Connections that were played to.
        n_sent: Pictures that were sent.
    """

    def __init__(self, acts: Sequence[Act], fps: float = 25.0) -> None:
        self._acts, self._fps = acts, fps
        self.sent_s: dict[int, float] = {}
        self.n_connections = self.n_sent = 0
        self._number, self._chance = 0, random.Random(7)
        self._stop = threading.Event()
        self._away = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._port = self._server.getsockname()[1]
        self.address = f"rtsp://127.0.0.1:{self._port}/live"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, args=(self._server,), daemon=True)]
        self._threads[0].start()

    def restart(self, away_s: float) -> None:
        """Drop whoever is connected, refuse all for some seconds, and be there again."""
        self._away.set()
        self._shut()
        self._stop.wait(away_s)
        self._away.clear()
        self._server = socket.create_server(("127.0.0.1", self._port))
        self._threads.append(
            threading.Thread(target=self._accept, args=(self._server,), daemon=True)
        )
        self._threads[-1].start()

    def close(self) -> None:
        """Stop serving."""
        self._stop.set()
        self._away.set()
        self._shut()
        for thread in self._threads:
            thread.join()

    def _shut(self) -> None:
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, server: socket.socket) -> None:
        while not self._away.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            act = self._acts[self.n_connections % len(self._acts)]
            if _handshake(connection, act):
                self.n_connections += 1
                if act.has_video:
                    self._play(connection, act)
            connection.shutdown(socket.SHUT_RDWR)  # or else it stays open while `_drain` reads
        self._open.discard(connection)

    def _play(self, connection: socket.socket, act: Act) -> None:
        begun, sequence = time.monotonic(), self._chance.randrange(1 << 16)
        gone = threading.Event()
        threading.Thread(target=_drain, args=(connection, gone), daemon=True).start()
        for index, unit in enumerate(self._units(act)):
            if self._away.wait(max(0.0, begun + index / self._fps - time.monotonic())):
                return
            for payload, is_last in _payloads(unit, act.codec):
                if act.damage and self._chance.random() < act.damage:
                    payload = _wrong(payload, self._chance)
                stamp = round(index / self._fps * CLOCK) & 0xFFFFFFFF
                head = struct.pack(">BBHII", 0x80, 96 | is_last << 7, sequence & 0xFFFF, stamp, 7)
                packet = head + payload
                connection.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)
                sequence += 1
        if act.end == "stall":
            while not (gone.is_set() or self._away.wait(0.05)):
                pass
        elif act.end == "garbage":
            for _ in range(50):
                connection.sendall(self._chance.randbytes(2000))

    def _units(self, act: Act) -> Iterator[bytes]:
        """Yield the access units of an act; its pictures are numbered on from those before."""
        encoder = _Encoder(act)
        for _ in range(act.n_frames):
            number = self._number = (self._number + 1) % (1 << N_BITS)
            unit = encoder.encode(numbered(number, act.size))
            self.sent_s[number] = time.monotonic()
            self.n_sent += 1
            self.sent_s.pop((number - KEPT) % (1 << N_BITS), None)
            yield unit


class _Encoder:
    """Makes one access unit of each picture, with a key frame every twelve."""

    def __init__(self, act: Act) -> None:
        name = {"h264": "libx264", "hevc": "libx265"}[act.codec]
        context = av.CodecContext.create(name, "w")
        if not isinstance(context, av.VideoCodecContext):
            raise TypeError(name)
        context.height, context.width = act.size
        context.pix_fmt, context.framerate, context.gop_size = "yuv420p", 25, 12
        context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        if act.codec == "hevc":
            context.options["x265-params"] = "log-level=none:repeat-headers=1:pools=1"
        context.thread_count = 1
        self._context = context

    def encode(self, image: NDArray[np.uint8]) -> bytes:
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


def _handshake(connection: socket.socket, act: Act) -> bool:
    """Answer until PLAY; tell whether it came."""
    stream = connection.makefile("rb")
    while line := stream.readline():
        method = line.split(b" ")[0].decode("ascii", "replace")
        headers = {}
        while row := stream.readline().strip():
            key, _, value = row.partition(b":")
            headers[key.lower().decode()] = value.strip().decode("ascii", "replace")
        answer = {"CSeq": headers.get("cseq", "0"), "Session": "1"}
        body = ""
        if method == "OPTIONS":
            answer["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            body = _SDP.format(name={"h264": "H264", "hevc": "H265"}[act.codec])
            if not act.has_video:
                body = _SOUND
            body = body.replace("\n", "\r\n")
            answer |= {"Content-Type": "application/sdp", "Content-Length": str(len(body))}
        elif method == "SETUP":
            answer["Transport"] = "RTP/AVP/TCP;unicast;interleaved=0-1"
        told = "".join(f"{key}: {value}\r\n" for key, value in answer.items())
        connection.sendall(f"RTSP/1.0 200 OK\r\n{told}\r\n{body}".encode())
        if method == "PLAY":
            return True
        if method == "TEARDOWN":
            return False
    return False


def _drain(connection: socket.socket, gone: threading.Event) -> None:
    """Read what a client says while it is played to, until it goes."""
    with suppress(OSError):
        while connection.recv(4096):
            pass
    gone.set()


def _payloads(unit: bytes, codec: str) -> Iterator[tuple[bytes, bool]]:
    """Yield the payloads of an access unit, and whether each is the last of it."""
    parts = [part.rstrip(b"\0") for part in unit.split(b"\0\0\1")]
    whole = [part for part in parts if part]
    found = [payload for part in whole for payload in _fragments(part, codec)]
    for place, payload in enumerate(found):
        yield payload, place == len(found) - 1


def _fragments(part: bytes, codec: str) -> Iterator[bytes]:
    if len(part) <= MOST_BYTES:
        yield part
        return
    n_head = 1 if codec == "h264" else 2
    body = part[n_head:]
    pieces = [body[at : at + MOST_BYTES] for at in range(0, len(body), MOST_BYTES)]
    for place, piece in enumerate(pieces):
        flags = (place == 0) << 7 | (place == len(pieces) - 1) << 6
        if codec == "h264":
            head = bytes([part[0] & 0xE0 | 28, flags | part[0] & 0x1F])
        else:
            head = bytes([part[0] & 0x81 | 49 << 1, part[1], flags | part[0] >> 1 & 0x3F])
        yield head + piece


def _wrong(payload: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(payload))
    return payload[:place] + bytes([payload[place] ^ 0xFF]) + payload[place + 1 :]
