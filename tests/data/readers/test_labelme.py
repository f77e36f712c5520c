"""LabelMe files as its versions write them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivemeta.data.readers import read_labelme
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError


def write(folder: Path, shapes: list[dict[str, object]], **changes: object) -> Path:
    """Write a JSON as LabelMe 5 does, its image inside."""
    data = io.BytesIO()
    Image.new("RGB", (80, 60), (200, 30, 30)).save(data, "PNG")
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": "C:\\photos\\drive 1\\a.png",
        "imageData": base64.b64encode(data.getvalue()).decode(),
        "imageHeight": 60,
        "imageWidth": 80,
        **changes,
    }
    path = folder / "a.json"
    path.write_text(json.dumps(content))
    return path


def shape(kind: str | None, points: list[list[float]], **more: object) -> dict[str, object]:
    """Return a shape as LabelMe 5 writes it."""
    rest = {"label": "stop", "group_id": None, "flags": {}, "description": "", "mask": None}
    return {**rest, "points": points, "shape_type": kind, **more}


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ("rectangle", [[40, 35], [10, 20]], [10, 20, 40, 35]),
        ("rectangle", [[10, 35], [40, 20]], [10, 20, 40, 35]),
        ("rectangle", [[10, 20], [40, 20], [40, 35], [10, 35]], [10, 20, 40, 35]),
        ("polygon", [[40, 20], [10, 22], [12, 35]], [10, 20, 40, 35]),
        (None, [[40, 20], [10, 22], [12, 35]], [10, 20, 40, 35]),
        ("circle", [[30, 30], [33, 34]], [25, 25, 35, 35]),
    ],
)
def test_shapes_become_boxes(tmp_path, kind, points, expected):
    (image,) = read_labelme(write(tmp_path, [shape(kind, points)])).images
    np.testing.assert_allclose(image.boxes, [expected])


def test_shapes_of_one_group_are_one_object(tmp_path):
    one = shape("rectangle", [[10, 10], [20, 20]], group_id=3)
    two = shape("polygon", [[15, 15], [30, 15], [30, 40]], group_id=3)
    (image,) = read_labelme(write(tmp_path, [one, two, shape("circle", [[9, 9], [9, 5]])])).images
    np.testing.assert_allclose(image.boxes, [[10, 10, 30, 40], [5, 5, 13, 13]])


@pytest.mark.parametrize("kind", ["line", "point", "linestrip", "cuboid", "points"])
def test_shapes_without_a_box_are_set_aside(tmp_path, kind):
    box = shape("rectangle", [[10, 20], [40, 35]])
    dataset = read_labelme(write(tmp_path, [shape(kind, [[1, 1], [2, 2]]), box]))
    assert len(dataset.images[0]) == 1
    (aside,) = dataset.set_aside
    assert (aside.file, aside.what) == ("a.json", f"shape 1 ('stop', a {kind})")


@pytest.mark.parametrize("kind", ["blob", 3, ["rectangle"]])
def test_shapes_of_an_unknown_kind_are_refused(tmp_path, kind):
    with pytest.raises(AnnotationError, match=r"a\.json: shape 1 \('stop'\): .* found "):
        read_labelme(write(tmp_path, [shape(kind, [[1, 1], [2, 2]])]))


@pytest.mark.parametrize("points", [None, "1,2", [[1, 2]], [[1, "x"], [2, 3]], [[1], [2]]])
def test_points_that_are_none(tmp_path, points):
    with pytest.raises(AnnotationError, match=r"a\.json: shape 1 .* points"):
        read_labelme(write(tmp_path, [shape("rectangle", points)]))


def test_the_image_inside_is_used_only_where_the_file_is_gone(tmp_path):
    path = write(tmp_path, [shape("rectangle", [[1, 1], [9, 9]])])
    (inside,) = read_labelme(path).images
    assert inside.path.name == "a.png"
    with Image.open(inside.path) as picture:
        assert picture.getpixel((5, 5)) == (200, 30, 30)
    Image.new("RGB", (80, 60)).save(tmp_path / "a.png")
    (beside,) = read_labelme(path).images
    assert beside.path == tmp_path / "a.png"


def test_an_image_inside_that_is_damaged(tmp_path):
    with pytest.raises(AnnotationError, match=r"'a\.png' is missing, and 'imageData'"):
        read_labelme(write(tmp_path, [], imageData="not base64!"))


def test_difficult_shapes_are_to_be_ignored(tmp_path):
    box = [[10, 10], [20, 20]]
    shapes = [
        shape("rectangle", box, difficult=True),
        shape("rectangle", box, difficult="false"),
        shape("rectangle", box, flags={"difficult": True}),
        shape("rectangle", box, flags=None),
    ]
    (image,) = read_labelme(write(tmp_path, shapes)).images
    assert image.ignore.tolist() == [True, False, True, False]


def test_rectangles_of_one_group_that_lie_apart_may_be_two(tmp_path):
    one = shape("rectangle", [[10, 10], [20, 20]], group_id=0)
    two = shape("rectangle", [[40, 30], [50, 40]], group_id="0")
    path = write(tmp_path, [one, two])
    with pytest.raises(AnnotationError, match="--read groups=one or --read groups=apart"):
        read_labelme(path)
    (together,) = read_labelme(path, reading=Reading(groups="one")).images
    np.testing.assert_allclose(together.boxes, [[10, 10, 50, 40]])
    (apart,) = read_labelme(path, reading=Reading(groups="apart")).images
    np.testing.assert_allclose(apart.boxes, [[10, 10, 20, 20], [40, 30, 50, 40]])


def test_contours_of_one_group_are_one_object_however_far(tmp_path):
    one = shape("polygon", [[10, 10], [20, 10], [20, 20]], group_id=0)
    two = shape("polygon", [[40, 30], [50, 30], [50, 40]], group_id=0)
    (image,) = read_labelme(write(tmp_path, [one, two])).images
    np.testing.assert_allclose(image.boxes, [[10, 10, 50, 40]])


def test_a_mask_has_the_box_of_its_pixels(tmp_path):
    (image,) = read_labelme(write(tmp_path, [shape("mask", [[10, 20], [39, 34]])])).images
    np.testing.assert_allclose(image.boxes, [[10, 20, 40, 35]])


def test_other_json_files_are_set_aside_and_hidden_ones_passed_over(tmp_path):
    write(tmp_path, [shape("rectangle", [[1, 1], [9, 9]])])
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode/settings.json").write_text("{}")
    (tmp_path / "settings.json").write_text("[]")
    dataset = read_labelme(tmp_path)
    assert len(dataset) == 1
    assert [aside.file for aside in dataset.set_aside] == ["settings.json"]


@pytest.mark.parametrize("shapes", [[1], [None], ["\x00"], {}, 5])
def test_shapes_that_are_none(tmp_path, shapes):
    with pytest.raises(AnnotationError, match=r"a\.json: expected 'shapes'"):
        read_labelme(write(tmp_path, shapes))


@pytest.mark.parametrize(
    "more",
    [{"group_id": [1]}, {"difficult": "perhaps"}, {"label": "a\nb"}, {"label": None}],
)
def test_types_that_nobody_expects(tmp_path, more):
    with pytest.raises(AnnotationError, match=r"a\.json: shape 1"):
        read_labelme(write(tmp_path, [shape("rectangle", [[1, 1], [9, 9]], **more)]))


@pytest.mark.parametrize("more", [{"imagePath": None}, {"imageHeight": "high"}, {"imageData": "é"}])
def test_images_that_are_none(tmp_path, more):
    with pytest.raises(AnnotationError, match=r"a\.json: "):
        read_labelme(write(tmp_path, [], **{"imageData": None, **more}))
