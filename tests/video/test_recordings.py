"""Bags of ROS 1 and ROS 2 by their own writers, and video in messages."""

import base64
import json

import av
import cv2
import numpy as np
import pytest

from drivemeta.errors import VideoError
from drivemeta.video.api import open_source

from .conftest import draw_frame  # noqa: TID252  (no package at the root)

N, SIZE, STEP_NS, BEGIN = 12, (96, 128), 100_000_000, 10**18


def jpeg(index):
    return cv2.imencode(".png", draw_frame(index, SIZE))[1]


def check(source, pixels=0.0):
    assert source.info().frame_size == SIZE
    frames = list(source)
    assert len(frames) == source.info().n_frames == N
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(N) / 10, atol=1e-6)
    for i, frame in enumerate(frames):
        off = np.abs(frame.image.astype(int) - draw_frame(i, SIZE))
        assert off.mean() <= pixels, i
        assert frame.pts == BEGIN + i * STEP_NS


def write_ros(path, ros2, **how):
    """Write a bag by rosbags' writer; a picture each tenth of a second, one of them damaged."""
    rosbags = pytest.importorskip("rosbags", reason="needs the extra ros")
    assert rosbags
    from rosbags.rosbag1 import Writer as Writer1
    from rosbags.rosbag2 import Writer as Writer2
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE if ros2 else Stores.ROS1_NOETIC)
    kind, header = "sensor_msgs/msg/CompressedImage", types.types["std_msgs/msg/Header"]
    time = types.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    head = header(time, "camera") if ros2 else header(0, time, "camera")
    with Writer2(path, version=9, **how) if ros2 else Writer1(path) as writer:
        channel = writer.add_connection("/front", kind, typestore=types)
        for i in range(N):
            image = types.types[kind](head, "png", jpeg(i))
            raw = (types.serialize_cdr if ros2 else types.serialize_ros1)(image, kind)
            writer.write(channel, BEGIN + i * STEP_NS, raw)
    return path


def test_a_bag_of_ros_1_is_read(tmp_path):
    check(open_source(write_ros(tmp_path / "drive.bag", ros2=False)))


def test_a_bag_of_ros_2_in_sqlite_is_read_by_its_folder_and_by_its_file(tmp_path):
    bag = write_ros(tmp_path / "drive", ros2=True)
    check(open_source(bag))
    check(open_source(bag / "drive.db3"))


def test_a_damaged_bag_is_told(tmp_path):
    pytest.importorskip("rosbags", reason="needs the extra ros")
    path = tmp_path / "none.bag"
    for content in (b"", b"no bag", b"#ROSBAG V2.0\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(VideoError, match=r"none\.bag"):
            open_source(path)
    bag = write_ros(tmp_path / "drive", ros2=True)
    (bag / "drive.db3").write_bytes(b"no database")
    with pytest.raises(VideoError, match="cannot read"):
        open_source(bag)


def encoded(codec, n=N):
    """Return the access units of a video, each of which can be shown at once."""
    context = av.CodecContext.create(codec, "w")
    context.height, context.width = SIZE
    context.pix_fmt, context.framerate, context.gop_size = "yuv420p", 10, 6
    context.options = {"tune": "zerolatency", "crf": "1"}
    frames = [av.VideoFrame.from_ndarray(draw_frame(i, SIZE), format="bgr24") for i in range(n)]
    return [bytes(packet) for frame in [*frames, None] for packet in context.encode(frame)]


def write_video(path, units, form):
    writer = pytest.importorskip("mcap.writer", reason="needs the extra mcap").Writer(str(path))
    writer.start()
    schema = writer.register_schema("foxglove.CompressedVideo", "jsonschema", b"{}")
    channel = writer.register_channel("/front", "json", schema)
    for i, unit in enumerate(units):
        said = {"data": base64.b64encode(unit).decode(), "format": form, "frame_id": "camera"}
        time_ns = BEGIN + i * STEP_NS
        writer.add_message(channel, time_ns, json.dumps(said).encode(), time_ns)
    writer.finish()
    return path


@pytest.mark.parametrize(("codec", "form"), [("libx264", "h264"), ("libx265", "h265")])
def test_video_in_messages_is_decoded(codec, form, tmp_path):
    check(open_source(write_video(tmp_path / "drive.mcap", encoded(codec), form)), pixels=6.0)


def test_a_damaged_message_of_video_does_not_end_it(tmp_path):
    units = encoded("libx264")
    units[3] = b"\0\0\0\1no video"
    source = open_source(write_video(tmp_path / "drive.mcap", units, "h264"))
    times = [round(frame.pts - BEGIN) // STEP_NS for frame in source]
    assert set(range(6, N)) <= set(times)  # from the next key frame on
    assert 3 not in times


def test_an_unknown_codec_is_told(tmp_path):
    source = open_source(write_video(tmp_path / "drive.mcap", [b"123"], "theora"))
    with pytest.raises(VideoError, match=r"expected video as h264.*'theora'"):
        list(source)


def test_video_that_is_left_half_way_does_not_hang(tmp_path):
    units = encoded("libx264")
    units[3] = b"\0\0\0\1no video"
    path = write_video(tmp_path / "drive.mcap", units, "h264")
    for _ in range(20):
        frames = iter(open_source(path))
        assert next(frames).index == 0
        del frames
