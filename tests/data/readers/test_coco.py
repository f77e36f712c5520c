"""COCO JSON as tools write it, and as it goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivemeta.data.readers import read_annotations, read_coco
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco
from tests.helpers.images import put_image

Json = dict[str, Any]


def content(file_name: str = "a.png") -> Json:
    return {
        "images": [{"id": 7, "file_name": file_name, "width": 80, "height": 60, "split": "val"}],
        "categories": [
            {"id": 2, "name": "stop", "supercategory": "signs"},
            {"id": 9, "name": "give way", "supercategory": "signs"},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [10, 20, 30, 15], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5.5, 6], "iscrowd": 1},
        ],
    }


def put_json(path: Path, data: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_reads_boxes_labels_crowds_and_attributes(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    dataset = read_coco(put_json(tmp_path / "support.json", content()))
    (image,) = dataset.images
    assert dataset.classes == ("stop", "give way")
    assert image.size == (60, 80)
    np.testing.assert_allclose(image.boxes, [[10, 20, 40, 35], [0, 0, 5.5, 6]])
    assert image.labels.tolist() == [1, 0]
    assert image.ignore.tolist() == [False, True]
    assert image.entries == ("annotation 1", "annotation 2")
    assert dataset.split("val").images == dataset.images
    assert len(dataset.split("train")) == 0
    assert dataset.n_boxes() == {"stop": 0, "give way": 1}


@pytest.mark.parametrize(
    ("json_at", "image_at", "file_name"),
    [
        ("s.json", "a.png", "a.png"),
        ("s.json", "images/a.png", "a.png"),
        ("s.json", "images/front/a.png", "front/a.png"),
        ("s.json", "images/a.png", "images\\a.png"),
        ("s.json", "images/a.png", "task_3/frames/a.png"),
        ("annotations/instances_default.json", "images/a.png", "a.png"),
        ("train/_annotations.coco.json", "train/a.png", "a.png"),
    ],
)
def test_finds_images_where_tools_put_them(
    tmp_path: Path, json_at: str, image_at: str, file_name: str
) -> None:
    expected = put_image(tmp_path / image_at)
    path = put_json(tmp_path / json_at, content(file_name))
    assert read_coco(path).images[0].path == expected


def test_finds_images_in_the_folder_given(tmp_path: Path) -> None:
    expected = put_image(tmp_path / "elsewhere" / "a.png")
    path = put_json(tmp_path / "json" / "s.json", content())
    assert read_annotations(path, tmp_path / "elsewhere").images[0].path == expected


def test_roboflow_supercategory_and_missing_sizes(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png", 80, 60)
    data = content()
    data["categories"].insert(0, {"id": 0, "name": "signs", "supercategory": "none"})
    del data["images"][0]["width"]
    dataset = read_coco(put_json(tmp_path / "s.json", data))
    assert dataset.classes == ("stop", "give way")
    assert dataset.images[0].size == (60, 80)


def test_a_byte_order_mark_and_segmentations_do_no_harm(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    data = content()
    data["annotations"][0]["segmentation"] = [[10, 20, 40, 20, 40, 35]]
    path = tmp_path / "s.json"
    path.write_text("\ufeff" + json.dumps(data).replace("\n", "\r\n"), encoding="utf-8")
    assert len(read_coco(path).images[0]) == 2


def broken(change: Callable[[Json], object]) -> Json:
    data = content()
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["annotations"][0].update(category_id=5), ["annotation 1", "category_id 5"]),
        (lambda d: d["annotations"][1].update(image_id=5), ["annotation 2", "image_id 5"]),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), ["annotation 1", "bbox"]),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, -3, 4]), ["annotation 1", "width"]),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, float("nan"), 4]), ["annotation 1"]),
        (lambda d: d["images"][0].update(file_name="gone.png"), ["image 7", "gone.png", "missing"]),
        (lambda d: d["images"][0].update(file_name="/etc/passwd"), ["image 7", "missing"]),
        (lambda d: d["images"][0].update(file_name="../../etc/passwd"), ["image 7", "missing"]),
        (lambda d: d["images"].append(d["images"][0]), ["image id 7", "twice"]),
        (lambda d: d["images"][0].pop("file_name"), ["image 7", "file_name"]),
        (lambda d: d["categories"][1].update(name="stop"), ["'stop'", "twice"]),
        (lambda d: d["categories"][1].pop("name"), ["category 9", "no name"]),
        (lambda d: d.pop("categories"), ["'categories'", "missing"]),
        (lambda d: d.update(images={}), ["'images'", "no list"]),
    ],
)
def test_faults_name_the_file_and_the_entry(
    tmp_path: Path, change: Callable[[Json], object], words: list[str]
) -> None:
    put_image(tmp_path / "a.png")
    path = put_json(tmp_path / "s.json", broken(change))
    with pytest.raises(AnnotationError) as raised:
        read_coco(path)
    for word in ["s.json", *words]:
        assert word in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\x01", '"text"'])
def test_a_file_that_is_no_coco(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=r"s\.json"):
        read_coco(path)


@pytest.mark.parametrize("kind", [int, float, str, lambda i: f" {i} "])
def test_ids_and_flags_of_any_type(tmp_path: Path, kind: Callable[[int], object]) -> None:
    put_image(tmp_path / "a.png")
    data = content()
    for row in data["annotations"]:
        row["image_id"] = kind(row["image_id"])
        row["category_id"] = kind(row["category_id"])
    data["annotations"][0]["iscrowd"] = "0"
    data["annotations"][1]["iscrowd"] = "true"
    data["images"][0].update(id=kind(7), width="80", height=60.0)
    (image,) = read_coco(put_json(tmp_path / "s.json", data)).images
    assert (image.size, image.labels.tolist(), image.ignore.tolist()) == (
        (60, 80),
        [1, 0],
        [False, True],
    )


def test_blanks_round_names_are_none(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    data = content()
    data["categories"][1]["name"] = " give way\t"
    assert read_coco(put_json(tmp_path / "s.json", data)).classes == ("stop", "give way")
    data["categories"][0]["name"] = "give way "
    with pytest.raises(AnnotationError, match="'give way' occurs twice"):
        read_coco(put_json(tmp_path / "s.json", data))


def test_key_points_without_a_box_are_set_aside_and_polygons_have_one(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    data = content()
    data["annotations"][0].update(bbox=[], segmentation=[[10, 20, 40, 20, 40, 35]])
    data["annotations"][1].update(bbox=[0, 0, 0, 0], keypoints=[1, 1, 2])
    dataset = read_coco(put_json(tmp_path / "s.json", data))
    np.testing.assert_allclose(dataset.images[0].boxes, [[10, 20, 40, 35]])
    assert [aside.what for aside in dataset.set_aside] == ["annotation 2 ('stop')"]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["images"][0].update(id=[7]),
        lambda d: d["images"][0].update(width="wide"),
        lambda d: d["images"][0].update(width=80.5),
        lambda d: d["images"][0].update(file_name=["a.png"]),
        lambda d: d["images"][0].update(file_name="A" * 5000),
        lambda d: d["annotations"][0].update(image_id=[{}]),
        lambda d: d["annotations"][0].update(category_id={}),
        lambda d: d["annotations"][0].update(iscrowd="perhaps"),
        lambda d: d["annotations"][0].update(bbox=[1, 1e308, 9, 9]),
        lambda d: d["annotations"][0].update(bbox=["a", 1, 9, 9]),
        lambda d: d["annotations"][0].update(bbox=[], segmentation=[[1, 2, 3]]),
        lambda d: d["annotations"][0].update(attributes={"rotation": [1]}),
        lambda d: d["categories"][0].update(name=["stop"]),
        lambda d: d["categories"][0].update(name=" "),
        lambda d: d["categories"][0].update(name="st\x00op"),
    ],
)
def test_types_that_nobody_expects(tmp_path: Path, change: Callable[[Json], object]) -> None:
    put_image(tmp_path / "a.png")
    with pytest.raises(AnnotationError, match=r"s\.json: "):
        read_coco(put_json(tmp_path / "s.json", broken(change)))


def test_a_list_as_supercategory_does_no_harm(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    data = broken(lambda d: d["categories"][0].update(supercategory=["signs"]))
    assert len(read_coco(put_json(tmp_path / "s.json", data)).classes) == 2


def test_numbers_of_too_many_digits(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"images": [], "x": ' + "9" * 6000 + "}")
    with pytest.raises(AnnotationError, match=r"s\.json: expected JSON"):
        read_coco(path)
    path.write_text("[" * 100000)
    with pytest.raises(AnnotationError, match=r"s\.json: expected JSON"):
        read_coco(path)


@pytest.mark.parametrize("flag", ["iscrowd", "ignore", "difficult"])
def test_what_is_marked_as_to_be_ignored_is(tmp_path: Path, flag: str) -> None:
    put_image(tmp_path / "a.png")
    content = coco("a.png")
    content["annotations"].append({**content["annotations"][0], "id": 2, flag: 1})
    (image,) = read_coco(put_json(tmp_path / "s.json", content)).images
    assert image.ignore.tolist() == [False, True]


@pytest.mark.parametrize(
    "shown", [{"area": 600}, {"segmentation": [[10, 15, 50, 15, 50, 30, 10, 30]]}]
)
def test_boxes_of_two_corners_are_refused_where_anything_shows_them(
    tmp_path: Path, shown: Json
) -> None:
    put_image(tmp_path / "a.png")
    corners = coco("a.png", box=(10, 15, 50, 30), **shown)
    with pytest.raises(AnnotationError, match=r"polygons of 1 annotations fit \[x1, y1, x2, y2"):
        read_coco(put_json(tmp_path / "s.json", corners))
    sized = coco("a.png", box=(10, 15, 40, 15), **shown)
    (image,) = read_coco(put_json(tmp_path / "s.json", sized)).images
    np.testing.assert_allclose(image.boxes, [[10, 15, 50, 30]])


def test_an_address_stands_for_a_name_and_panoptic_files_are_called_so(tmp_path: Path) -> None:
    expected = put_image(tmp_path / "val2017/a.png")
    content = coco("x")
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/val2017/a.png"
    del content["images"][0]["file_name"]
    path = put_json(tmp_path / "s.json", content)
    assert read_coco(path).images[0].path == expected
    content["annotations"] = [{"image_id": 1, "segments_info": []}]
    with pytest.raises(AnnotationError, match="panoptic"):
        read_coco(put_json(path, content))


def test_boxes_that_lie_elsewhere_than_their_polygons(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    outline = [[10, 15, 50, 15, 50, 30, 10, 30]]
    centred = coco("a.png", box=(30, 22, 40, 15), segmentation=outline)
    with pytest.raises(AnnotationError, match="boxes lie elsewhere than their polygons in 1 ann"):
        read_coco(put_json(tmp_path / "s.json", centred))
    (row,) = centred["annotations"]
    rows = [{**row, "id": i, "bbox": [10, 15, 40, 15]} for i in (2, 3)]
    centred["annotations"] = [row, *rows]
    (note,) = read_coco(put_json(tmp_path / "s.json", centred)).notes
    assert "elsewhere" in note
