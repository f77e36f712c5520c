"""Messages of ROS in MCAP files, however their types are defined, and what cannot be read."""

import cv2
import numpy as np
import pytest

from drivemeta.errors import InputError, VideoError
from drivemeta.video.opening import open_source
from tests.helpers.bags import IMAGE_FIELDS
from tests.helpers.videos import draw_frame

pytest.importorskip("mcap", reason="needs the extra mcap")

N, SIZE, STEP_NS = 12, (96, 128), 100_000_000

IDL = """================================================================================
IDL: sensor_msgs/msg/CompressedImage
module sensor_msgs { module msg { struct CompressedImage {
  std_msgs::msg::Header header; string format; sequence<uint8> data; }; }; };
================================================================================
IDL: std_msgs/msg/Header
module std_msgs { module msg { struct Header {
  builtin_interfaces::msg::Time stamp; string frame_id; }; }; };
================================================================================
IDL: builtin_interfaces/msg/Time
module builtin_interfaces { module msg { struct Time { int32 sec; uint32 nanosec; }; }; };
"""
ROS1 = """std_msgs/Header header
string format
uint8[] data
================================================================================
MSG: std_msgs/Header
uint32 seq
time stamp
string frame_id
"""
DEFINITIONS = {  # encoding of the messages, name of their type, language and text of its definition
    "ROS 1": ("ros1", "sensor_msgs/CompressedImage", "ros1msg", ROS1),
    "ROS 1 without a definition": ("ros1", "sensor_msgs/CompressedImage", "", ""),
    "ROS 2": ("cdr", "sensor_msgs/msg/CompressedImage", "ros2msg", IMAGE_FIELDS),
    "ROS 2 by IDL": ("cdr", "sensor_msgs/msg/CompressedImage", "ros2idl", IDL),
    "ROS 2 without a definition": ("cdr", "sensor_msgs/msg/CompressedImage", "", ""),
}


def png(index):
    return cv2.imencode(".png", draw_frame(index, SIZE))[1].tobytes()


def write_plain(path, encoding, name, form, text, *, picture=png, told="png"):
    """Write messages of ROS by rosbags, whatever definition the file says they have."""
    from mcap.writer import Writer
    from rosbags.typesys import Stores, get_typestore

    is_ros1 = encoding == "ros1"
    types = get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)
    kind = "sensor_msgs/msg/CompressedImage"
    time = types.types["builtin_interfaces/msg/Time"](1, 2)
    header = types.types["std_msgs/msg/Header"](*([7] if is_ros1 else []), time, "camera")
    serialize = types.serialize_ros1 if is_ros1 else types.serialize_cdr
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema(name, form, text.encode())
        channel = writer.register_channel("/front", encoding, schema)
        for i in range(N):
            data = np.frombuffer(picture(i), np.uint8)
            message = bytes(serialize(types.types[kind](header, told, data), kind))
            time_ns = 10**18 + i * STEP_NS
            writer.add_message(channel, time_ns, message, time_ns)
        writer.finish()
    return path


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_messages_of_ros_are_read_by_whatever_defines_them(kind, tmp_path):
    source = open_source(write_plain(tmp_path / "clip.mcap", *DEFINITIONS[kind]))
    frames = list(source)
    assert len(frames) == N
    assert source.counts().notes == ()
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, draw_frame(i, SIZE))
        assert (frame.time_s, frame.pts) == (pytest.approx(i / 10), 10**18 + i * STEP_NS)


UNREADABLE = {  # and what is said of it
    "another encoding": (
        ("flatbuffer", "foxglove.CompressedImage", "flatbuffer", ""),
        "encoded as 'flatbuffer', not as json, protobuf, cdr or ros1",
    ),
    "a type of one's own without a definition": (
        ("cdr", "foxglove_msgs/msg/CompressedImage", "", ""),
        r"no usable definition of foxglove_msgs/msg/CompressedImage \(none\)",
    ),
    "a damaged definition": (
        ("cdr", "sensor_msgs/msg/CompressedImage", "ros2msg", "%%%"),
        r"no usable definition of sensor_msgs/msg/CompressedImage \(ros2msg\)",
    ),
    "a damaged definition of Protobuf": (
        ("protobuf", "foxglove.CompressedImage", "protobuf", "%%%"),
        "no usable definition of foxglove.CompressedImage",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_says_which_encoding(kind, tmp_path):
    definition, said = UNREADABLE[kind]
    source = open_source(write_plain(tmp_path / "clip.mcap", *definition))
    with pytest.raises(VideoError, match=rf"none of the pictures of /front .*{said}"):
        source.info()


def test_a_format_that_no_picture_is_in_is_said(tmp_path):
    depth = "16UC1; compressedDepth png"
    path = write_plain(
        tmp_path / "clip.mcap", *DEFINITIONS["ROS 2"], picture=lambda _i: b"12", told=depth
    )
    with pytest.raises(VideoError, match=f"no picture that OpenCV reads, '{depth}'"):
        open_source(path).info()


def test_a_compressed_bayer_pattern_gets_its_colours(tmp_path):
    mosaic = np.tile(np.array([[200, 90], [90, 40]], np.uint8), (48, 64))  # red first
    path = write_plain(
        tmp_path / "clip.mcap",
        *DEFINITIONS["ROS 2"],
        picture=lambda _i: cv2.imencode(".png", mosaic)[1].tobytes(),
        told="bayer_rggb8; png compressed bayer_rggb8",
    )
    first = next(iter(open_source(path)))
    assert (first.image[4:-4, 4:-4] == (40, 90, 200)).all()


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_a_damaged_recording_is_told_or_read_in_part(tmp_path, compression):
    from mcap.writer import CompressionType, Writer

    path = tmp_path / "clip.mcap"
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=3000, compression=CompressionType[compression])
        writer.start()
        schema = writer.register_schema(
            "sensor_msgs/msg/CompressedImage", "ros2msg", IMAGE_FIELDS.encode()
        )
        channel = writer.register_channel("/front", "cdr", schema)
        for i in range(N):
            writer.add_message(channel, i * STEP_NS, bytes(400) + png(i)[:400], i * STEP_NS)
        writer.finish()
    whole, chance = path.read_bytes(), np.random.default_rng(5)
    for _ in range(50):
        data = bytearray(whole)
        for place in chance.integers(8, len(data), 12):
            data[place] = chance.integers(256)
        path.write_bytes(data[: chance.integers(len(data) // 2, len(data) + 1)])
        try:
            source = open_source(path)
            source.info()
            list(source)
        except (VideoError, InputError):
            continue
