"""Bags of ROS 1 and ROS 2 by their own writers, and video in messages."""

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import av
import cv2
import numpy as np
import pytest
import yaml

from drivemeta.core.frame import Message
from drivemeta.errors import VideoError
from drivemeta.files import read_yaml
from drivemeta.video.opening import open_source
from tests.helpers.videos import draw_frame

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


def write_ros(path, ros2, compression="NONE"):
    """Write a bag by rosbags' writer; a picture each tenth of a second, one of them damaged."""
    rosbags = pytest.importorskip("rosbags", reason="needs the extra ros")
    assert rosbags
    from rosbags.rosbag1 import Writer as Writer1
    from rosbags.rosbag2 import CompressionFormat, CompressionMode
    from rosbags.rosbag2 import Writer as Writer2
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE if ros2 else Stores.ROS1_NOETIC)
    kind, header = "sensor_msgs/msg/CompressedImage", types.types["std_msgs/msg/Header"]
    time = types.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    head = header(time, "camera") if ros2 else header(0, time, "camera")
    made = Writer2(path, version=9) if ros2 else Writer1(path)
    if compression != "NONE":
        made.set_compression(CompressionMode[compression], CompressionFormat.ZSTD)
    with made as writer:
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


def test_a_bag_of_ros_2_in_several_databases_is_one_stream(tmp_path):
    bag = write_ros(tmp_path / "drive", ros2=True)
    split(bag / "drive.db3", bag / "rest.db3", BEGIN + 5 * STEP_NS)
    description = bag / "metadata.yaml"
    told = read_yaml(description)
    told["rosbag2_bagfile_information"]["relative_file_paths"] = ["drive.db3", "rest.db3"]
    description.write_text(yaml.safe_dump(told))
    check(open_source(bag))
    (bag / "rest.db3").unlink()
    with pytest.raises(VideoError, match=r"rest\.db3, as .* says, found none"):
        open_source(bag)


def split(database, rest, at_ns):
    """Move the messages from a time on into a second database."""
    shutil.copy(database, rest)
    for path, gone in ((database, ">="), (rest, "<")):
        with closing(sqlite3.connect(path)) as opened:
            opened.execute(f"DELETE FROM messages WHERE timestamp {gone} {at_ns}")
            opened.commit()


def test_a_database_that_is_cut_off_is_told(tmp_path):
    bag = write_ros(tmp_path / "drive", ros2=True)
    database = bag / "drive.db3"
    database.write_bytes(database.read_bytes()[: database.stat().st_size * 2 // 3])
    with pytest.raises(VideoError, match=r"drive.*damaged, cut off.*drive\.db3.*malformed"):
        open_source(bag)


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_chunks_of_mcap_are_read_however_compressed(compression, tmp_path):
    writer = pytest.importorskip("mcap.writer", reason="needs the extra mcap")
    path = tmp_path / "drive.mcap"
    with path.open("wb") as file:
        made = writer.Writer(file, chunk_size=5000, compression=writer.CompressionType[compression])
        made.start()
        schema = made.register_schema("foxglove.CompressedImage", "jsonschema", b"{}")
        channel = made.register_channel("/front", "json", schema)
        for i in range(N):
            said = {"data": base64.b64encode(jpeg(i)).decode(), "format": "png"}
            time_ns = BEGIN + i * STEP_NS
            made.add_message(channel, time_ns, json.dumps(said).encode(), time_ns)
        made.finish()
    check(open_source(path))


@pytest.mark.parametrize("mode", ["MESSAGE", "FILE"])
def test_a_bag_of_ros_2_compressed_by_zstd_is_read(mode, tmp_path):
    pytest.importorskip("rosbags", reason="needs the extra ros")
    check(open_source(write_ros(tmp_path / "drive", ros2=True, compression=mode)))


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


def encoded(codec, n=N, **options):
    """Return the access units of a video, each of which can be shown at once."""
    context = av.CodecContext.create(codec, "w")
    context.height, context.width = SIZE
    context.pix_fmt, context.framerate, context.gop_size = "yuv420p", 10, 6
    context.options = options or {"tune": "zerolatency", "crf": "1"}
    frames = [av.VideoFrame.from_ndarray(draw_frame(i, SIZE), format="bgr24") for i in range(n)]
    return [bytes(packet) for frame in [*frames, None] for packet in context.encode(frame)]


def write_messages(path, units, form):
    writer = pytest.importorskip("mcap.writer", reason="needs the extra mcap").Writer(str(path))
    writer.start()
    schema = writer.register_schema("foxglove.CompressedVideo", "jsonschema", b"{}")
    channel = writer.register_channel("/front", "json", schema)
    for i, unit in enumerate(units):
        time_ns = BEGIN + i * STEP_NS
        taken = {"sec": 7 + i, "nsec": 5}
        said = {"data": base64.b64encode(unit).decode(), "format": form, "frame_id": "camera"}
        said |= {"timestamp": taken} if i != N - 1 else {"timestamp": "noon"}
        writer.add_message(channel, time_ns, json.dumps(said).encode(), time_ns)
    writer.finish()
    return path


@pytest.mark.parametrize(("codec", "form"), [("libx264", "h264"), ("libx265", "h265")])
def test_video_in_messages_is_decoded(codec, form, tmp_path):
    check(open_source(write_messages(tmp_path / "drive.mcap", encoded(codec), form)), pixels=6.0)


@pytest.mark.parametrize(
    ("codec", "form", "options"),
    [
        ("libvpx-vp9", "vp9", {"lag-in-frames": "0", "deadline": "realtime", "crf": "10"}),
        ("libsvtav1", "av1", {"preset": "12", "crf": "5", "svtav1-params": "pred-struct=1"}),
    ],
)
def test_video_of_the_newer_codecs_is_decoded(codec, form, options, tmp_path):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec} to write the file with")
    units = encoded(codec, **options)
    assert len(units) == N
    check(open_source(write_messages(tmp_path / "drive.mcap", units, form)), pixels=8.0)


def test_a_frame_carries_what_its_message_says(tmp_path):
    bag = write_ros(tmp_path / "drive.bag", ros2=False)
    said = [frame.message for frame in open_source(bag)]
    assert said[3] == Message("/front", 1_000_000_002, "camera", BEGIN + 3 * STEP_NS)
    video = write_messages(tmp_path / "drive.mcap", encoded("libx264"), "h264")
    said = [frame.message for frame in open_source(video)]
    assert [each.stamp_ns for each in said[:-1]] == [(7 + i) * 10**9 + 5 for i in range(N - 1)]
    assert {each.frame_id for each in said[:-1]} == {"camera"}
    assert said[-1] == Message("/front", BEGIN + (N - 1) * STEP_NS, "", BEGIN + (N - 1) * STEP_NS)


def test_a_damaged_message_of_video_does_not_end_it(tmp_path):
    units = encoded("libx264")
    units[3] = b"\0\0\0\1no video"
    source = open_source(write_messages(tmp_path / "drive.mcap", units, "h264"))
    times = [round(frame.pts - BEGIN) // STEP_NS for frame in source]
    assert set(range(6, N)) <= set(times)  # from the next key frame on
    assert 3 not in times


def write_raw(path, encoding, step, cut=0):
    """Write pictures that are not compressed, rows padded to `step` bytes, as ROS 2 does."""
    ros2 = pytest.importorskip("mcap_ros2.writer", reason="needs the extra mcap")
    layout = "uint32 height\nuint32 width\nstring encoding\nuint32 step\nuint8[] data"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/Image", layout)
        for i in range(N):
            rows = raw_rows(draw_frame(i, SIZE), encoding)
            data = np.pad(rows, ((0, 0), (0, max(step - rows.shape[1], 0)))).tobytes()
            said = {"height": SIZE[0], "width": SIZE[1], "encoding": encoding, "step": step}
            said["data"] = data[: len(data) - cut * (i == 5)]
            writer.write_message("/raw", schema, said, log_time=BEGIN + i * STEP_NS)
        writer.finish()
    return path


def raw_rows(image, encoding):
    if encoding in ("mono8", "16UC1", "8UC1"):
        return image[:, :, 0]
    encoding = {"8UC3": "bgr8", "8UC4": "bgra8"}.get(encoding, encoding)  # OpenCV's own order
    order = {"r": image[:, :, 2], "g": image[:, :, 1], "b": image[:, :, 0]}
    order["a"] = np.full_like(image[:, :, 0], 9)
    channels = [order[letter] for letter in encoding.rstrip("8") if letter in order]
    return np.stack(channels, axis=-1).reshape(len(image), -1)


@pytest.mark.parametrize(
    ("encoding", "n_channels"),
    [
        *[("rgb8", 3), ("bgr8", 3), ("rgba8", 4), ("bgra8", 4), ("mono8", 1)],
        *[("8UC1", 1), ("8UC3", 3), ("8UC4", 4)],
    ],
)
def test_raw_pictures_are_read(encoding, n_channels, tmp_path):
    path = write_raw(tmp_path / "raw.mcap", encoding, SIZE[1] * n_channels + 8)
    if n_channels > 1:
        check(open_source(path))
        return
    for i, frame in enumerate(open_source(path)):
        expected = draw_frame(i, SIZE)[:, :, :1].repeat(3, axis=2)
        np.testing.assert_array_equal(frame.image, expected)


COLOUR = (40, 90, 200)  # BGR


def write_one(path, encoding, rows):
    ros2 = pytest.importorskip("mcap_ros2.writer", reason="needs the extra mcap")
    layout = "uint32 height\nuint32 width\nstring encoding\nuint32 step\nuint8[] data"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/Image", layout)
        said = {"height": SIZE[0], "width": SIZE[1], "encoding": encoding, "step": rows.shape[1]}
        writer.write_message("/raw", schema, said | {"data": rows.tobytes()}, log_time=BEGIN)
        writer.finish()
    return path


@pytest.mark.parametrize("letters", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_get_their_colours(letters, tmp_path):
    seen = dict(zip("bgr", COLOUR, strict=True))
    tile = np.array([seen[letter] for letter in letters], np.uint8).reshape(2, 2)
    rows = np.tile(tile, (SIZE[0] // 2, SIZE[1] // 2))
    (frame,) = open_source(write_one(tmp_path / "raw.mcap", f"bayer_{letters}8", rows))
    assert (frame.image[4:-4, 4:-4] == COLOUR).all()


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
def test_pictures_with_colours_at_every_second_pixel_are_read(encoding, tmp_path):
    b, g, r = COLOUR  # by BT.601
    luma = round(16 + 219 / 255 * (0.299 * r + 0.587 * g + 0.114 * b))
    blue = round(128 + 224 / 255 * (-0.168736 * r - 0.331264 * g + 0.5 * b))
    red = round(128 + 224 / 255 * (0.5 * r - 0.418688 * g - 0.081312 * b))
    four = (luma, blue, luma, red) if "yuy" in encoding else (blue, luma, red, luma)
    rows = np.tile(np.uint8(four), (SIZE[0], SIZE[1] // 2))
    (frame,) = open_source(write_one(tmp_path / "raw.mcap", encoding, rows))
    assert np.abs(frame.image.astype(int) - COLOUR).max() <= 3


def test_a_raw_picture_that_is_too_short_is_counted(tmp_path):
    source = open_source(write_raw(tmp_path / "raw.mcap", "rgb8", SIZE[1] * 3, cut=1))
    assert len(list(source)) == N - 1
    assert source.counts().n_corrupt == 1


def test_an_unknown_encoding_of_raw_pictures_is_told(tmp_path):
    path = write_raw(tmp_path / "raw.mcap", "16UC1", SIZE[1] * 3)
    with pytest.raises(VideoError, match=r"expected raw pictures as bgr8, .*found '16UC1'"):
        list(open_source(path))


def test_an_unknown_codec_is_told(tmp_path):
    source = open_source(write_messages(tmp_path / "drive.mcap", [b"123"], "theora"))
    with pytest.raises(VideoError, match=r"expected video as h264.*'theora'"):
        list(source)


def test_video_that_is_left_half_way_does_not_hang(tmp_path):
    units = encoded("libx264")
    units[3] = b"\0\0\0\1no video"
    path = write_messages(tmp_path / "drive.mcap", units, "h264")
    for _ in range(20):
        frames = iter(open_source(path))
        assert next(frames).index == 0
        del frames
