"""The rosbag2 sink: written by rosbags and mcap, read back by mcap-ros2-support."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext, untold
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.video.api import run
from drivemeta.video.job import Job
from drivemeta.video.opening import open_source
from drivemeta.video.options import Options
from tests.helpers import bags
from tests.helpers.pipelines import pipeline_of
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

ros2 = pytest.importorskip("mcap_ros2.reader", reason="needs mcap-ros2-support")
SIZE = (96, 160)
INFO = StreamInfo("clip", CLASSES, SIZE, 10.0, 3)


class Colours:
    """The detector of coloured boxes."""

    classes, provider, families = CLASSES, "cpu", dict(zip(CLASSES, CLASSES, strict=True))

    def __call__(self, frames, min_score=None):
        return find_boxes(frames)


def read(path, topics=None):
    """Return what a recording holds, by topic: recorded, published, number, message."""
    messages = {}
    for found in ros2.read_ros2_messages(path, topics):
        row = (found.log_time_ns, found.publish_time_ns, found.sequence_count, found.ros_msg)
        messages.setdefault(found.channel.topic, []).append(row)
    return messages


def stamp_ns(header):
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def process(place: Path, out: Path, tell=untold, **params) -> Path:
    """Process a recording into one with detections."""
    context = RunContext(out, source="bag", place=str(place), tell=tell)
    sink = default_registry().create("sink", "rosbag2", context=context, **params)
    topic = {"bag": {"topic": "/front"}}
    (path,) = run(open_source(place, settings=topic), pipeline_of(Colours()), [sink]).files
    return path


def test_every_field_of_a_detection_comes_back(tmp_path):
    sink = default_registry().create(
        "sink", "rosbag2", context=RunContext(tmp_path), images=True, quality=95
    )
    sink.open(INFO, 0)
    boxes = np.array([[10, 20, 40, 60], [100.5, 10, 120, 30.25]], np.float32)
    scores, labels = np.array([0.75, 0.5], np.float32), np.array([1, 0])
    for i in range(3):
        classes = CLASSES if i < 2 else ("rocks", *CLASSES)
        tracks = Tracks(Detections(boxes, scores, labels, classes), np.array([7, -1]))
        sink.write(Frame(draw_frame(i, SIZE), i, 1.25 + i / 10), tracks)
    (path,) = sink.close()
    found = read(path)
    assert set(found) == {"/detections", "/detections/labels", "/detections/image"}
    assert [row[0] for row in found["/detections"]] == [1_250_000_000 + i * 10**8 for i in range(3)]
    for i, (logged, published, number, message) in enumerate(found["/detections"]):
        assert (logged, number) == (published, i)
        assert (stamp_ns(message.header), message.header.frame_id) == (logged, "")
        first, second = message.detections
        assert first.header == message.header
        (result,) = first.results
        assert result.hypothesis.class_id == ("sign" if i < 2 else "vehicle")
        assert result.hypothesis.score == 0.75
        pose = result.pose.pose
        assert (pose.position.x, pose.position.y, pose.position.z) == (0, 0, 0)
        turned = pose.orientation
        assert (turned.x, turned.y, turned.z, turned.w) == (0, 0, 0, 1)
        assert list(result.pose.covariance) == [0] * 36
        centre = first.bbox.center
        assert (centre.position.x, centre.position.y, centre.theta) == (25, 40, 0)
        assert (first.bbox.size_x, first.bbox.size_y) == (30, 40)
        assert (second.bbox.center.position.x, second.bbox.center.position.y) == (110.25, 20.125)
        assert (second.bbox.size_x, second.bbox.size_y) == (19.5, 20.25)
        assert (first.id, second.id) == ("7", "")
    named = [
        [(c.class_id, c.class_name) for c in row[3].class_map]
        for row in found["/detections/labels"]
    ]
    assert named == [[(0, "vehicle"), (1, "sign")], [(0, "rocks"), (1, "vehicle"), (2, "sign")]]
    picture = found["/detections/image"][1][3]
    assert picture.format == "jpeg"
    shown = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - draw_frame(1, SIZE)).mean() < 6


def test_the_number_of_a_class_may_stand_in_its_place(tmp_path):
    sink = default_registry().create(
        "sink", "rosbag2", context=RunContext(tmp_path), class_id="number", topic="/seen"
    )
    sink.open(INFO, 0)
    found = find_boxes([draw_frame(0, SIZE)])[0]
    sink.write(Frame(draw_frame(0, SIZE)), Tracks.untracked(found))
    ((*_, message),) = read(sink.close()[0])["/seen"]
    said = [row.results[0].hypothesis.class_id for row in message.detections]
    assert said == ["0", "1"]


@pytest.mark.parametrize("kind", ["mcap", "sqlite"])
def test_a_bag_comes_out_as_it_was_with_detections_added(tmp_path, kind):
    notes = []
    if kind == "sqlite":
        pytest.importorskip("apsw", reason="needs the extra ros")
        place = bags.write_sqlite(tmp_path / "drive")
    else:
        place = bags.write_mcap(tmp_path / "drive.mcap")
    out = read(process(place, tmp_path / "out", notes.append, copy=True))
    assert set(out) == {"/front", "/said", "/detections", "/detections/labels"}
    for i, (logged, _, _, message) in enumerate(out["/detections"]):
        assert logged == bags.stamp_ns(i) + bags.LATE_NS
        assert stamp_ns(message.header) == bags.stamp_ns(i)
        assert message.header.frame_id == "camera_front"
        assert [row.results[0].hypothesis.class_id for row in message.detections] == list(CLASSES)
    assert len(out["/detections"]) == bags.N
    assert [row[3].data for row in out["/said"]] == [f"at {i}" for i in range(-1, bags.N + 1)]
    assert [row[3].data for row in out["/front"]] == [bags.jpeg(i) for i in range(bags.N)]
    if kind == "mcap":
        whole = read(place, ["/front", "/said"])
        for topic in ("/front", "/said"):
            assert [row[:3] for row in out[topic]] == [row[:3] for row in whole[topic]]
        assert len(notes) == 1
        assert "1 messages of /web were not copied: they are encoded as 'json'" in notes[0]
    else:
        assert "quality of service" in notes[0]


def test_what_ros_2_reads_strictly_reads_the_copy_and_knows_the_types(tmp_path):
    from rosbags.rosbag2 import Reader

    path = process(bags.write_mcap(tmp_path / "drive.mcap"), tmp_path / "out", copy=True)
    with Reader(path) as reader:
        kinds = {channel.topic: channel.msgtype for channel in reader.connections}
        counts = {channel.topic: channel.msgcount for channel in reader.connections}
    assert kinds["/detections"] == "vision_msgs/msg/Detection2DArray"
    assert counts == {
        "/detections": bags.N,
        "/detections/labels": 1,
        "/front": bags.N,
        "/said": bags.N + 2,
    }


def test_a_part_of_a_damaged_recording_is_told(tmp_path):
    place = bags.write_mcap(tmp_path / "drive.mcap")
    place.write_bytes(place.read_bytes()[: place.stat().st_size * 2 // 3])
    notes = []
    out = read(process(place, tmp_path / "out", notes.append, copy=True))
    assert 0 < len(out["/front"]) == len(out["/detections"]) < bags.N
    assert any("damaged or cut off" in note for note in notes)


def test_what_cannot_be_copied_is_refused(tmp_path):
    def create(source="bag", place="drive.mcap", **params):
        context = RunContext(tmp_path, source=source, place=str(tmp_path / place))
        default_registry().create("sink", "rosbag2", context=context, copy=True, **params)

    with pytest.raises(
        InputError, match="expected a recording of ROS 2 as the source, found 'file'"
    ):
        create("file", "drive.mp4")
    bags.write_mcap(tmp_path / "drive.mcap")
    with pytest.raises(InputError, match=r"leave out rosbag2\.blur"):
        create(blur="heads")
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(InputError, match=r"rosbags-convert --src old\.bag"):
        create(place="old.bag")
    with pytest.raises(InputError, match="has a topic /front already"):
        process(tmp_path / "drive.mcap", tmp_path / "out", copy=True, topic="/front")


def test_a_run_tells_in_its_summary_what_was_not_copied(tmp_path, tiny_model):
    place = bags.write_mcap(tmp_path / "drive.mcap")
    settings = {"rosbag2": {"copy": "true"}, "bag": {"topic": "/front"}}
    options = Options(provider="cpu", settings=settings)
    job = Job(str(place), tmp_path / "run", tiny_model, ("rosbag2",), options)
    summary = job.run()
    assert "rosbag2: 1 messages of /web were not copied" in summary.notes[-1]
    assert len(read(summary.files[0])["/detections"]) == bags.N
