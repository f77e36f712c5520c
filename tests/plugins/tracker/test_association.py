"""Identities stay within a family of classes; classes are steady, states may change."""

import numpy as np
import pytest
from trackers import ByteTrackTracker

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.plugins import default_registry
from drivemeta.plugins.tracker.association import Association, TrackedClasses
from drivemeta.plugins.tracker.camera_motion import CameraMotion

CLASSES = ("traffic_light", "red_light", "green_light", "traffic_sign", "stop", "vehicle")
FAMILIES = dict(
    zip(CLASSES, ["traffic_light"] * 3 + ["traffic_sign"] * 2 + ["vehicle"], strict=True)
)


def seen(*names: str, box=(10, 10, 40, 40)) -> Detections:
    n = len(names)
    labels = np.array([CLASSES.index(name) for name in names], np.int64)
    boxes = np.tile(np.array(box, np.float32), (n, 1)).reshape(n, 4)
    return Detections(boxes, np.full(n, 0.8, np.float32), labels, CLASSES)


def voted(*names: str) -> list[str]:
    votes = TrackedClasses(FAMILIES)
    return [votes.vote(Tracks(seen(name), np.array([7]))).detections.names[0] for name in names]


def test_a_sign_keeps_its_name_through_flicker():
    names = ["stop"] * 6 + ["traffic_sign", "stop", "traffic_sign", "traffic_sign", "stop"]
    assert set(voted(*names)) == {"stop"}


def test_a_light_that_changes_shows_so_with_the_second_look_and_a_flicker_does_not():
    assert voted(*["red_light"] * 30, *["green_light"] * 3)[-3:] == [
        "red_light",
        "green_light",
        "green_light",
    ]
    assert set(voted(*["red_light"] * 9, "green_light", *["red_light"] * 3)) == {"red_light"}


@pytest.mark.parametrize("tracker", ["botsort", "bytetrack", "ocsort"])
def test_an_identity_never_passes_from_a_light_to_a_sign(tracker):
    image = np.zeros((64, 64, 3), np.uint8)
    for families, n_expected in ((FAMILIES, 2), (None, 1)):
        tracking = default_registry().create(
            "tracker", tracker, context=RunContext(families=families)
        )
        ids = set()
        for i in range(16):
            name = "red_light" if i < 8 else "stop"
            tracks = tracking.update(seen(name), Frame(image, i, i / 10))
            ids |= {int(track) for track in tracks.ids if track >= 0}
        assert len(ids) == n_expected


def test_votes_are_on_names_where_a_bank_that_is_fed_moves_the_labels():
    votes = TrackedClasses({})
    for _ in range(5):
        votes.vote(Tracks(seen("stop"), np.array([7])))
    moved = seen("traffic_sign")
    classes = ("yield", *CLASSES)
    moved = Detections(moved.boxes, moved.scores, moved.labels + 1, classes)
    assert votes.vote(Tracks(moved, np.array([7]))).detections.names == ["stop"]
    without = tuple(name for name in CLASSES if name != "stop")
    left = Detections(moved.boxes, moved.scores, np.array([3]), without)
    assert votes.vote(Tracks(left, np.array([7]))).detections.names == ["traffic_sign"]


def test_a_tracker_is_made_once_a_family():
    made = []

    def make():
        made.append(ByteTrackTracker())
        return made[-1]

    association = Association(make, RunContext(families=FAMILIES))
    image = np.zeros((64, 64, 3), np.uint8)
    for i in range(5):
        association.update(seen("red_light", "stop"), Frame(image, i, i / 10))
    assert len(made) == 2


def test_the_camera_s_motion_is_estimated_once_a_frame_at_any_size():
    ground = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    import cv2

    for size in ((360, 640), (2160, 3840)):
        wide = cv2.resize(ground, size[::-1], interpolation=cv2.INTER_CUBIC)
        shift = size[1] // 64
        moved = np.roll(wide, shift, 1)
        camera = CameraMotion()
        camera.estimate(wide)
        motion = camera.estimate(moved)
        assert motion is camera.estimate(moved)
        np.testing.assert_allclose(motion[0, 2], shift, atol=0.1 * shift)
        np.testing.assert_allclose(motion[:, :2], np.eye(2), atol=0.02)


def test_a_dark_frame_is_no_fault(caplog):
    motion = CameraMotion()
    for _ in range(3):
        motion.estimate(np.zeros((60, 80, 3), np.uint8))
        motion.estimate(np.zeros((60, 80, 3), np.uint8))
    assert not caplog.records
