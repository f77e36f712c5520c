"""Video files as cameras and editors leave them: their containers changed byte by byte."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

# Of the picture's place on the screen: a, b, c, d of the display matrix.
UPRIGHT, MIRRORED, UPSIDE_DOWN = (1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1)
TURNED = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # clockwise
TURNED_AND_MIRRORED = {90: (0, 1, 1, 0), 270: (0, -1, -1, 0)}


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the display matrix in an MP4's track header."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    for offset, value in ((0, a), (4, b), (12, c), (16, d)):
        data[begin + offset : begin + offset + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


def boxes(data: bytes) -> list[bytes]:
    """Return the boxes that an MP4 file, or the inside of a box, is a row of."""
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append(data[at : at + size])
        at += size
    return found


def add_cover(path: Path, picture: bytes) -> Path:
    """Put a JPEG as cover art into an MP4, before its track, as some taggers do."""
    data = _box(b"data", struct.pack(">II", 13, 0) + picture)
    handler = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = _box(b"meta", bytes(4) + handler + _box(b"ilst", _box(b"covr", data)))
    top = boxes(path.read_bytes())
    place = next(i for i, box in enumerate(top) if box[4:8] == b"moov")
    header, *rest = boxes(top[place][8:])
    top[place] = _box(b"moov", header + _box(b"udta", meta) + b"".join(rest))
    path.write_bytes(b"".join(top))  # the index lies behind the data, whose place stays
    return path


def cut_by_edit_list(path: Path, n_frames: int) -> Path:
    """Have an MP4 begin `n_frames` later and end as many earlier by its edit list alone."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4
    n_entries, duration, media_time = struct.unpack_from(">IIi", data, at + 4)
    assert n_entries == 1
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = round(1 / stream.average_rate / stream.time_base)
    scale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    media_step = round(scale / float(stream.average_rate))
    struct.pack_into(
        ">Ii", data, at + 8, duration - 2 * n_frames * media_step, media_time + n_frames * step
    )
    path.write_bytes(data)
    return path


def set_stamps(path: Path, stamps: dict[int, int]) -> Path:
    """Set the time stamps of frames of a transport stream, by number, in ticks of 90 kHz."""
    data, at, number = bytearray(path.read_bytes()), 0, 0
    while (at := data.find(b"\x00\x00\x01\xe0", at)) >= 0:
        assert data[at + 7] >> 6 == 2, "each frame needs one stamp: no B-frames"
        if number in stamps:
            t = stamps[number]
            parts = (0x21 | t >> 29 & 14, t >> 22 & 255, t >> 14 & 254 | 1, t >> 7 & 255)
            data[at + 9 : at + 14] = bytes([*parts, t << 1 & 254 | 1])
        at, number = at + 4, number + 1
    path.write_bytes(data)
    return path


def with_stamps_of_decoding(path: Path, target: Path) -> Path:
    """Copy a video so that its frames are stamped in the order in which they lie in the file."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for packet, stamp in zip(packets, sorted(p.pts for p in packets), strict=True):
            packet.pts = packet.dts = stamp
            packet.stream = stream
            copy.mux(packet)
    return target


def write_plainly(path: Path, codec: str, images: Sequence[np.ndarray], **options: str) -> Path:
    """Write 10 frames a second as formats without stamps of presentation want them."""
    form = {".m4v": "m4v", ".mjpeg": "mjpeg"}.get(path.suffix)
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.height, stream.width = images[0].shape[:2]
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def ffprobe_times(path: Path) -> list[float]:
    """Return the times that ffprobe gives the frames of a file, counted from the first."""
    told = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json"),
            *("-show_entries", "frame=best_effort_timestamp_time", str(path)),
        ],
        capture_output=True,
        check=True,
    ).stdout
    times = [float(f["best_effort_timestamp_time"]) for f in json.loads(told)["frames"]]
    return [time_s - times[0] for time_s in times]


def _box(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", 8 + len(inside)) + kind + inside
