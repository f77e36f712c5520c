"""Things out of lists of crops and out of scenes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.errors import AnnotationError
from drivemeta.training.base.thing_crops import (
    LARGEST,
    SCENE_KINDS,
    cut,
    read_kinds,
    scene_things,
    shrunk,
)

HEADER = "path,class,group,source,width,height,x1,y1,x2,y2,label,native\n"


def anything(name: str) -> bool:
    return bool(name)


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """A list of two bears with boxes and a judge without, who is a whole picture."""
    for name in ("a", "b", "c"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 30, 3), 90, np.uint8))
    rows = "a.png,bear,1,web,30,20,3,2,27,18,x,24\nb.png,bear,2,web,30,20,3,2,27,18,x,24\n"
    text = HEADER + rows + "c.png,judge,3,web,30,20,,,,,x,30\n"
    (tmp_path / "manifest.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_list_is_read_with_its_boxes(kinds: Path) -> None:
    things = read_kinds(kinds, anything)
    assert [thing.name for thing in things] == ["bear", "bear", "judge"]
    assert things[0].box.tolist() == [3, 2, 27, 18]
    assert things[0].group == "1"
    assert things[2].box.tolist() == [0, 0, 30, 20]


def test_so_many_a_class_and_no_unwanted_ones(kinds: Path) -> None:
    rng = np.random.default_rng(0)
    assert len(read_kinds(kinds, anything, 1, rng)) == 2
    assert [t.name for t in read_kinds(kinds, {"judge"}.__contains__)] == ["judge"]


def test_a_row_that_is_none_is_told(kinds: Path) -> None:
    (kinds / "manifest.csv").write_text(HEADER + "a.png,bear,1,web,wide,20,,,,,x,24\n")
    with pytest.raises(AnnotationError, match="wide"):
        read_kinds(kinds, anything)


def test_boxes_of_scenes_get_common_names(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[20:40, 30:60] = 255
    cv2.imwrite(str(tmp_path / "images" / "f.png"), frame)
    boxes = [([30, 20, 30, 20], 1), ([0, 0, 9, 30], 1), ([0, 0, 30, 30], 2)]
    content = {
        "images": [{"id": 1, "file_name": "f.png", "width": 80, "height": 60}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": label, "bbox": box, "area": 600}
            for i, (box, label) in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "motor"}, {"id": 2, "name": "traffic sign"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    (thing,) = scene_things(tmp_path, SCENE_KINDS["bdd"], 10)
    assert (thing.name, thing.group, thing.source) == ("motorcycle", "f", tmp_path.name)
    left, top, right, bottom = thing.box.astype(int)
    assert thing.image[top:bottom, left:right].min() == 255
    assert thing.image[:top].max() == 0


def test_a_cut_at_the_border_keeps_its_box() -> None:
    frame = np.zeros((50, 50, 3), np.uint8)
    frame[:10, 40:] = 200
    thing = cut(frame, np.array([40, 0, 50, 10], np.float32), "a", "g", "s")
    left, top, right, bottom = thing.box.astype(int)
    assert (right, top) == (thing.image.shape[1], 0)
    assert thing.image[top:bottom, left:right].min() == 200
    assert thing.image[:, :left].max() == 0


def test_large_things_are_shrunk_and_small_ones_stay() -> None:
    frame = np.zeros((400, 900, 3), np.uint8)
    thing = cut(frame, np.array([100, 100, 800, 300], np.float32), "a", "g", "s")
    assert thing.longest == pytest.approx(LARGEST, abs=1)
    assert thing.box[3] - thing.box[1] == pytest.approx(LARGEST * 200 / 700, abs=1)
    assert shrunk(thing, 500) is thing
    assert shrunk(thing, 40).longest == pytest.approx(40, abs=1)
