"""Recordings made by the formats' own writers, read frame by frame."""

import cv2
import numpy as np
import pytest

from drivemeta.errors import InputError, VideoError
from drivemeta.video.opening import open_source
from tests.helpers.bags import IMAGE_FIELDS
from tests.helpers.videos import draw_frame

ros2 = pytest.importorskip("mcap_ros2.writer", reason="needs the extra mcap")
protobuf = pytest.importorskip("mcap_protobuf.writer", reason="needs the extra mcap")

N, SIZE, STEP_NS = 12, (96, 128), 100_000_000


def png(index: int) -> bytes:
    return cv2.imencode(".png", draw_frame(index, SIZE))[1].tobytes()


def write_ros2(path, topics=("/front",), frames=range(N)):
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE_FIELDS)
        for i in frames:
            for topic in topics:
                stamp = {"sec": 1_700_000_000, "nanosec": i * STEP_NS}
                header = {"stamp": stamp, "frame_id": "camera"}
                image = {"header": header, "format": "png", "data": png(i)}
                writer.write_message(topic, schema, image, log_time=10**18 + i * STEP_NS)
        writer.finish()
    return path


def write_protobuf(path):
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    proto = descriptor_pb2.FileDescriptorProto(
        name="foxglove/CompressedImage.proto", package="foxglove", syntax="proto3"
    )
    message = proto.message_type.add(name="CompressedImage")
    for number, (name, kind) in enumerate([("data", 12), ("format", 9), ("frame_id", 9)], 2):
        message.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("foxglove.CompressedImage"))
    with path.open("wb") as file, protobuf.Writer(file) as writer:
        for i in range(N):
            image = made(data=png(i), format="png", frame_id="camera")
            writer.write_message("/front", image, log_time=10**18 + i * STEP_NS)
    return path


def check(source, n=N):
    frames = list(source)
    assert len(frames) == n
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(n) / 10, atol=1e-6)
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, draw_frame(i, SIZE))
        assert frame.pts == 10**18 + i * STEP_NS


@pytest.mark.parametrize("write", [write_ros2, write_protobuf])
def test_images_come_back_at_their_times(write, tmp_path):
    source = open_source(write(tmp_path / "clip.mcap"))
    info = source.info()
    assert (info.frame_size, info.n_frames) == (SIZE, N)
    assert info.fps == pytest.approx(10)
    check(source)


def test_a_bag_of_several_files_is_one_stream(tmp_path):
    bag = tmp_path / "bag"
    bag.mkdir()
    write_ros2(bag / "bag_0.mcap", frames=range(5))
    write_ros2(bag / "bag_1.mcap", frames=range(5, N))
    listed = "rosbag2_bagfile_information:\n  relative_file_paths:\n"
    (bag / "metadata.yaml").write_text(listed + "    - bag_0.mcap\n    - bag_1.mcap\n")
    check(open_source(bag))
    (bag / "metadata.yaml").write_text(listed + "    - bag_2.mcap\n")
    with pytest.raises(VideoError, match=r"bag_2\.mcap, as .*metadata\.yaml says, found none"):
        open_source(bag)


def test_one_of_several_topics_is_chosen(tmp_path):
    path = write_ros2(tmp_path / "two.mcap", ("/front", "/rear"))
    with pytest.raises(InputError, match="/front, /rear"):
        open_source(path)
    with pytest.raises(InputError, match="did you mean '/front'"):
        open_source(path, settings={"bag": {"topic": "/frond"}})
    check(open_source(path, settings={"bag": {"topic": "/rear"}}))


def test_a_recording_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "cut.mcap"
    with path.open("wb") as file:
        writer = ros2.Writer(file, chunk_size=20_000)
        schema = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE_FIELDS)
        for i in range(N):
            header = {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": ""}
            image = {"header": header, "format": "png", "data": png(i)}
            writer.write_message("/front", schema, image, log_time=10**18 + i * STEP_NS)
        writer.finish()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = open_source(path)
    frames = list(source)
    assert 0 < len(frames) < N
    assert source.counts().ended_early
    np.testing.assert_array_equal(frames[-1].image, draw_frame(len(frames) - 1, SIZE))


def test_raw_pictures_give_way_to_compressed_ones(tmp_path):
    path = tmp_path / "both.mcap"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        small = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE_FIELDS)
        layout = "uint32 height\nuint32 width\nstring encoding\nuint32 step\nuint8[] data"
        raw = writer.register_msgdef("sensor_msgs/msg/Image", layout)
        header = {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": ""}
        for i in range(N):
            time_ns = 10**18 + i * STEP_NS
            depth = {"height": 1, "width": 1, "encoding": "16UC1", "step": 2, "data": b"12"}
            writer.write_message("/depth", raw, depth, log_time=time_ns)
            image = {"header": header, "format": "png", "data": png(i)}
            writer.write_message("/front", small, image, log_time=time_ns)
        writer.finish()
    check(open_source(path))


def test_an_image_that_is_none_is_counted(tmp_path):
    path = tmp_path / "odd.mcap"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE_FIELDS)
        for i in range(4):
            header = {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": ""}
            data = b"not an image" if i == 2 else png(i)
            image = {"header": header, "format": "png", "data": data}
            writer.write_message("/front", schema, image, log_time=i * STEP_NS)
        writer.finish()
    source = open_source(path)
    assert [frame.index for frame in source] == [0, 1, 2]
    assert source.counts().n_corrupt == 1


def test_a_type_that_belongs_to_no_package_is_passed_over(tmp_path):
    path = tmp_path / "odd.mcap"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE_FIELDS)
        raw = writer._writer
        pose = raw.register_schema("Pose", "jsonschema", b"{}")
        raw.add_message(raw.register_channel("/pose", "json", pose), 10**18, b"{}", 10**18)
        for i in range(N):
            header = {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": ""}
            image = {"header": header, "format": "png", "data": png(i)}
            writer.write_message("/front", schema, image, log_time=10**18 + i * STEP_NS)
        writer.finish()
    check(open_source(path))


def test_a_recording_without_pictures_says_what_it_holds(tmp_path):
    path = tmp_path / "points.mcap"
    with path.open("wb") as file:
        writer = ros2.Writer(file)
        schema = writer.register_msgdef("sensor_msgs/msg/PointCloud2", "uint8[] data")
        writer.write_message("/points", schema, {"data": b"123"})
        writer.finish()
    with pytest.raises(VideoError, match=r"it holds /points \(sensor_msgs/msg/PointCloud2\)"):
        open_source(path)


@pytest.mark.parametrize("content", [b"", b"no recording", b"\x89MCAP0\r\n" + bytes(50)])
def test_what_is_no_recording_is_told(tmp_path, content):
    path = tmp_path / "none.mcap"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"none\.mcap"):
        open_source(path)
