"""Upright boxes round turned rectangles, ellipses and masks, in every format that has them."""

import math

import numpy as np
import pytest

from drivemeta.data.readers import read_annotations
from drivemeta.data.readers.shapes import ellipse_box, mask_box, turned_box
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco, put, put_picture

# 40 wide and 10 high about (40, 30), turned by 30 degrees
TURNED = [40 - 19.82, 30 - 14.33, 40 + 19.82, 30 + 14.33]


def cvat(shape, labels="<label><name>stop</name></label>"):
    return (
        f"<annotations><meta><task><labels>{labels}</labels></task></meta>"
        f'<image id="0" name="a.png" width="80" height="60">{shape}</image></annotations>'
    )


def only(root, file, content):
    put_picture(root / "a.png")
    (image,) = read_annotations(put(root / file, content)).images
    return image.boxes


def test_a_turned_box_contains_its_corners():
    for degrees in (0, 30, 90, 135, -45, 400):
        angle = math.radians(degrees)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        corners = np.array([[-20, -5], [20, -5], [20, 5], [-20, 5]]) @ turn.T + [40, 30]
        expected = [*corners.min(0), *corners.max(0)]
        np.testing.assert_allclose(turned_box([20, 25, 60, 35], degrees), expected, atol=1e-9)


def test_an_ellipse_touches_its_box():
    t = np.linspace(0, 2 * math.pi, 10001)
    angle = math.radians(30)
    x, y = 20 * np.cos(t), 5 * np.sin(t)
    xs = 40 + x * math.cos(angle) - y * math.sin(angle)
    ys = 30 + x * math.sin(angle) + y * math.cos(angle)
    expected = [xs.min(), ys.min(), xs.max(), ys.max()]
    np.testing.assert_allclose(ellipse_box((40, 30), (20, 5), 30), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 12], [10, 20, 14, 23]),
        ([5, 2, 5], [11, 21, 13, 22]),
        ([1, 1, 3, 1, 6], [11, 20, 12, 22]),
        ([3, 2, 7], [10, 20, 14, 22]),  # a run that goes on in the next row
    ],
)
def test_masks(counts, expected):
    assert mask_box(counts, (10, 20, 4, 3), "mask 1") == expected


@pytest.mark.parametrize("counts", [[], [5], [12], [0, 13], [-1, 13], [6, 0, 6]])
def test_masks_that_are_none(counts):
    with pytest.raises(AnnotationError, match="mask 1"):
        mask_box(counts, (10, 20, 4, 3), "mask 1")


def test_turned_boxes_of_cvat(tmp_path):
    box = '<box label=" stop " xtl="20" ytl="25" xbr="60" ybr="35" rotation="30.0"/>'
    np.testing.assert_allclose(only(tmp_path, "a.xml", cvat(box)), [TURNED], atol=0.01)


def test_turned_boxes_of_cvats_coco(tmp_path):
    data = coco("a.png", box=(20, 25, 40, 10), attributes={"rotation": "30", "occluded": False})
    np.testing.assert_allclose(only(tmp_path, "c.json", data), [TURNED], atol=0.01)


def test_turned_boxes_of_rolabelimg(tmp_path):
    box = f"<cx>40</cx><cy>30</cy><w>40</w><h>10</h><angle>{math.radians(30)}</angle>"
    xml = (
        "<annotation><filename>a.png</filename><object><name>stop</name>"
        f"<robndbox>{box}</robndbox></object></annotation>"
    )
    np.testing.assert_allclose(only(tmp_path, "a.xml", xml), [TURNED], atol=0.01)


def test_turned_boxes_of_x_anylabeling(tmp_path):
    points = [[20, 25], [58, 25], [60, 35], [22, 35]]
    shape = {"label": "stop", "shape_type": "rotation", "points": points, "direction": 0.1}
    data = {"shapes": [shape], "imagePath": "a.png", "imageHeight": 60, "imageWidth": 80}
    np.testing.assert_allclose(only(tmp_path, "a.json", data), [[20, 25, 60, 35]])


def test_what_sticks_out_only_because_it_is_turned_is_cut(tmp_path):
    box = '<box label="stop" xtl="0" ytl="25" xbr="40" ybr="35" rotation="60"/>'
    (found,) = only(tmp_path, "a.xml", cvat(box))
    assert found.min() >= 0
    assert 0 < found[0] < found[2]


def test_ellipses_and_masks_of_cvat(tmp_path):
    shapes = (
        '<ellipse label="stop" cx="40" cy="30" rx="20" ry="5"/>'
        '<mask label="stop" rle="5, 2, 5" left="10" top="20" width="4" height="3"/>'
    )
    found = only(tmp_path, "a.xml", cvat(shapes))
    np.testing.assert_allclose(found, [[20, 25, 60, 35], [11, 21, 13, 22]])


def test_shapes_without_area_are_set_aside_and_labels_of_parts_are_no_classes(tmp_path):
    labels = (
        "<label><name>stop</name></label><label><name>person</name><type>skeleton</type></label>"
        "<label><name>1</name><type>points</type><parent>person</parent></label>"
    )
    shapes = (
        '<box label="stop" xtl="20" ytl="25" xbr="60" ybr="35"/>'
        '<polyline label="stop" points="1,1;2,2"/><points label="stop" points="1,1"/>'
        '<cuboid label="stop" xtl1="1"/><tag label="stop"/>'
        '<skeleton label="person"><points label="1" points="1,1"/></skeleton>'
    )
    put_picture(tmp_path / "a.png")
    dataset = read_annotations(put(tmp_path / "a.xml", cvat(shapes, labels)))
    assert dataset.n_boxes() == {"stop": 1, "person": 0}
    kinds = [aside.what.split()[2] for aside in dataset.set_aside]
    assert kinds == ["polyline", "points", "cuboid", "tag", "skeleton"]


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="" xtl="20" ytl="25" xbr="60" ybr="35"/>',
        '<box label="stop" xtl="20" ytl="25" xbr="60"/>',
        '<box label="stop" xtl="20" ytl="25" xbr="60" ybr="35" rotation="far"/>',
        '<box label="stop" xtl="35" ytl="60" xbr="25" ybr="20" rotation="45"/>',
        '<ellipse label="stop" cx="40" cy="30" rx="-9" ry="5"/>',
        '<polygon label="stop" points="1,2;3,4"/>',
        '<polygon label="stop" points="1,2;3,4;5"/>',
        f'<polygon label="stop" points="{"9" * 400},1;3,4;5,6"/>',
        '<ellipse label="stop" cx="40" cy="30" rx="inf" ry="5"/>',
        '<mask label="stop" rle="a" left="10" top="20" width="4" height="3"/>',
        '<mask label="stop" left="10" top="20" width="4" height="3"/>',
    ],
)
def test_damaged_shapes_name_the_image(tmp_path, shape):
    with pytest.raises(AnnotationError, match=r"a\.xml: image 'a\.png'"):
        only(tmp_path, "a.xml", cvat(shape))


def test_shapes_of_an_unknown_kind_are_set_aside(tmp_path):
    put_picture(tmp_path / "a.png")
    shapes = '<box label="stop" xtl="20" ytl="25" xbr="60" ybr="35"/><blob label="yield" x="1"/>'
    dataset = read_annotations(put(tmp_path / "a.xml", cvat(shapes)))
    assert dataset.n_boxes()["stop"] == 1
    assert [aside.why for aside in dataset.set_aside] == ["a shape of an unknown kind"]


@pytest.mark.parametrize("size", ['width="a" height="b"', "", 'width="1e999" height="60"'])
def test_sizes_that_are_none(tmp_path, size):
    with pytest.raises(AnnotationError, match=r"a\.xml: image 0"):
        only(tmp_path, "a.xml", cvat("").replace('width="80" height="60"', size))
