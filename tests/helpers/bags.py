"""Recordings of ROS 2: pictures whose headers say another time than their messages, and more."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.helpers.videos import draw_frame

N, SIZE, STEP_NS, BEGIN_NS = 6, (96, 128), 100_000_000, 1_700_000_000_000_000_000
LATE_NS = 7_000_003  # by so much a picture is recorded after it was taken
IMAGE = "sensor_msgs/msg/CompressedImage"
IMAGE_FIELDS = """std_msgs/Header header
string format
uint8[] data
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
CLOCK = "std_msgs/msg/String"


def stamp_ns(index: int) -> int:
    """Return when a picture was taken."""
    return BEGIN_NS + index * STEP_NS


def header(index: int) -> dict[str, object]:
    """Return the header of a picture."""
    seconds, rest = divmod(stamp_ns(index), 10**9)
    return {"stamp": {"sec": seconds, "nanosec": rest}, "frame_id": "camera_front"}


def jpeg(index: int) -> bytes:
    """Return a frame of the scene as JPEG."""
    return cv2.imencode(".jpg", draw_frame(index, SIZE), [cv2.IMWRITE_JPEG_QUALITY, 95])[
        1
    ].tobytes()


def write_mcap(path: Path) -> Path:
    """Write pictures to `/front`, texts before, between and after to `/said`, JSON to `/web`."""
    from mcap_ros2.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file, chunk_size=4000)
        image = writer.register_msgdef(IMAGE, IMAGE_FIELDS)
        text = writer.register_msgdef(CLOCK, "string data")
        for i in range(-1, N + 1):
            time_ns = stamp_ns(i) + LATE_NS
            writer.write_message(
                "/said", text, {"data": f"at {i}"}, time_ns - 5, time_ns - 9, i + 1
            )
            if 0 <= i < N:
                message = {"header": header(i), "format": "jpeg", "data": jpeg(i)}
                writer.write_message("/front", image, message, time_ns)
        raw = writer._writer
        schema = raw.register_schema("web", "jsonschema", b"{}")
        channel = raw.register_channel("/web", "json", schema)
        raw.add_message(channel, stamp_ns(1), b'{"a": 1}', stamp_ns(1))
        writer.finish()
    return path


def write_sqlite(folder: Path) -> Path:
    """Write the same, but for `/web`, as a bag in SQLite."""
    from rosbags.rosbag2 import Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    with Writer(folder, version=9) as writer:
        front = writer.add_connection("/front", IMAGE, typestore=store)
        said = writer.add_connection("/said", CLOCK, typestore=store)
        for i in range(-1, N + 1):
            time_ns = stamp_ns(i) + LATE_NS
            text = types[CLOCK](data=f"at {i}")
            writer.write(said, time_ns - 5, store.serialize_cdr(text, CLOCK))
            if 0 <= i < N:
                seconds, rest = divmod(stamp_ns(i), 10**9)
                time = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest)
                head = types["std_msgs/msg/Header"](stamp=time, frame_id="camera_front")
                data = np.frombuffer(jpeg(i), np.uint8)
                picture = types[IMAGE](header=head, format="jpeg", data=data)
                writer.write(front, time_ns, store.serialize_cdr(picture, IMAGE))
    return folder
