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
