import json

import cv2
import pytest

from drivemeta.data.readers.coco import read_coco
from drivemeta.errors import OutputError
from drivemeta.synthetic import (
    CocoOptions,
    Plan,
    Scene,
    render,
    write_coco,
    write_frames,
)

SIZE = (144, 256)


def test_written_frames_read_back(tmp_path):
    path = write_coco(tmp_path, 6, 20, CocoOptions(size=SIZE, split=0.3))
    dataset = read_coco(path)
    assert len(dataset) == 6
    assert {image.size for image in dataset.images} == {SIZE}
    frame = render(Scene(20, SIZE), 0)
    first = dataset.images[0]
    assert first.boxes == pytest.approx(frame.boxes, abs=0.01)
    assert (~first.ignore == frame.clear).all()
    assert {image.attributes["split"] for image in dataset.images} == {"train", "val"}
    assert cv2.imread(str(first.path)).shape == (*SIZE, 3)


def test_lights_have_states_and_objects_identities(tmp_path):
    options = CocoOptions(size=SIZE, plan=Plan(kind="urban", speed_mps=0))
    rows = json.loads(write_coco(tmp_path, 4, 3, options).read_text())["annotations"]
    assert all("track_id" in row and 0 <= row["visible"] <= 1 for row in rows)
    lights = [row["state"] for row in rows if "state" in row]
    assert lights
    assert set(lights) <= {"red", "yellow", "green", "off"}


def test_super_classes_only(tmp_path):
    path = write_coco(tmp_path, 4, 7, CocoOptions(size=SIZE, leaves=False))
    assert set(read_coco(path).classes) <= {
        "vehicle", "pedestrian", "cyclist", "traffic_light", "traffic_sign",
    }  # fmt: skip


def test_one_class_only(tmp_path):
    scene = Scene(2, (360, 640), ("ice",), Plan(signs=3, weather="clear"))
    options = CocoOptions(only=("ice",), suffix=".png")
    path = write_frames(tmp_path, [("a", render(scene, 0)), ("b", render(scene, 9))], options)
    dataset = read_coco(path)
    assert dataset.classes == ("ice",)
    assert dataset.n_boxes()["ice"] >= 1


def test_an_unwritable_folder_is_an_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_coco(blocked, 1, 0, CocoOptions(size=SIZE))
