"""What YOLO lines hold is told for the whole set; two readings are refused."""

import numpy as np
import pytest

from drivemeta.data.readers import read_yolo
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError, InputError
from tests.helpers.annotated import put, put_picture

BOX = [30, 15, 50, 45]


def yolo(root, *texts, yaml="names: [stop, yield]"):
    put(root / "data.yaml", yaml)
    for i, text in enumerate(texts):
        put_picture(root / f"images/{i}.png")
        put(root / f"labels/{i}.txt", text)
    return root


def boxes(root, **reading):
    return [image.boxes.tolist() for image in read_yolo(root, reading=Reading(**reading)).images]


@pytest.mark.parametrize(
    "more", ["", " 0.93", " 12", " 0.93 12", " 0.93 2", " 0.9 0\n0 0.5 0.5 0.25 0.5 0.9 31"]
)
def test_confidence_and_track_follow_a_box(tmp_path, more):
    found = boxes(yolo(tmp_path, f"0 0.5 0.5 0.25 0.5{more}"))
    np.testing.assert_allclose(found[0], [BOX] * len(found[0]))


def test_confidence_and_track_1_may_be_a_triangle(tmp_path):
    root = yolo(tmp_path, "0 0.5 0.5 0.25 0.5 0.93 1")
    with pytest.raises(AnnotationError, match=r"as boxes or polygons.*--read yolo=") as raised:
        boxes(root)
    assert "--read yolo=boxes" in str(raised.value)
    np.testing.assert_allclose(boxes(root, yolo="boxes"), [[BOX]])
    np.testing.assert_allclose(boxes(root, yolo="polygons")[0], [[20, 30, 74.4, 60]], rtol=1e-5)


def test_another_line_of_the_set_decides(tmp_path):
    open_line = "0 0.5 0.5 0.25 0.5 0.93 1"
    polygons = yolo(tmp_path / "a", open_line, "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6")
    assert boxes(polygons)[0][0][2] > 74
    tracks = yolo(tmp_path / "b", open_line, "0 0.5 0.5 0.25 0.5 0.93 2")
    np.testing.assert_allclose(boxes(tracks), [[BOX], [BOX]])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.1 0.1 0.5 0.1 0.5 0.6", [8, 6, 40, 36]),
        ("0 0.1 0.3 0.3 0.1 0.5 0.3 0.3 0.5", [8, 6, 40, 30]),  # an oriented box
        ("0 0.1 0.3 0.3 0.1 0.5 0.3 0.3 0.5 0.93", [8, 6, 40, 30]),
    ],
)
def test_polygons_and_oriented_boxes(tmp_path, line, expected):
    np.testing.assert_allclose(boxes(yolo(tmp_path, line))[0], [expected], rtol=1e-5)


def test_a_tracked_polygon_is_told_only_by_the_setting(tmp_path):
    root = yolo(tmp_path, "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6 0.93 1")
    with pytest.raises(AnnotationError, match="yolo=tracked"):
        boxes(root)
    np.testing.assert_allclose(boxes(root, yolo="tracked")[0], [[8, 6, 40, 36]], rtol=1e-5)
    far = yolo(tmp_path / "far", "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6 0.93 31")
    np.testing.assert_allclose(boxes(far)[0], [[8, 6, 40, 36]], rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ("[2, 3]", "0.4 0.4 2 0 0 0"),
        ("[2, 2]", "0.4 0.4 0.6 0.6"),
        ("[1, 2]", "0.4 0.4"),
        ("[1, 3]", "0.4 0.4 1 0.88"),
    ],
)
def test_the_yaml_tells_a_pose(tmp_path, shape, points):
    yaml = f"names: [stop]\nkpt_shape: {shape}"
    root = yolo(tmp_path, f"0 0.5 0.5 0.25 0.5 {points}", "0 0.5 0.5 0.25 0.5", yaml=yaml)
    np.testing.assert_allclose(boxes(root), [[BOX], [BOX]])


def test_a_pose_that_nothing_tells(tmp_path):
    seen = yolo(tmp_path / "a", "0 0.5 0.5 0.25 0.5 0.4 0.4 2 0.6 0.6 1")
    np.testing.assert_allclose(boxes(seen), [[BOX]])
    hidden = yolo(tmp_path / "b", "0 0.5 0.5 0.25 0.5 0.4 0.4 1 0.6 0.6 1")
    with pytest.raises(AnnotationError, match="yolo=pose"):
        boxes(hidden)
    np.testing.assert_allclose(boxes(hidden, yolo="pose"), [[BOX]])


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.25 0.5 -30.5",  # an angle
        "0 0.1 0.1 0.5 0.1 0.5 0.6 7.5",
        "0 0.5 0.5 0.25 0.5 1.7 3",
        "0 0.5 0.5 nan 0.5",
        "0 0.5 0.5 inf 0.5",
        "0 0.5 0.5 0.2_5 0.5",
        "0.5 0.5 0.5 0.25 0.5",
    ],
)
def test_lines_that_are_nothing_name_their_place(tmp_path, line):
    with pytest.raises(AnnotationError, match=r"0\.txt: line 1: expected 'class x_centre"):
        boxes(yolo(tmp_path, line))


@pytest.mark.parametrize(
    "other",
    ["0 0.5 0.5 0.25 0.5 0.93 12", "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1"],  # the second lost a number
)
def test_a_set_of_two_kinds_is_refused(tmp_path, other):
    root = yolo(tmp_path, other, "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6")
    with pytest.raises(AnnotationError, match="a set holds one kind"):
        boxes(root)


def test_names_are_text_as_written(tmp_path):
    line = "0 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.2 0.2\n2 0.2 0.2 0.1 0.1"
    for i, names in enumerate(
        ("[on, no, 010]", "{0: on, 1: no, 2: 010}", "{'2': 010, '1': no, '0': on}")
    ):
        root = yolo(tmp_path / str(i), line, yaml=f"names: {names}\nnc: 3\nwhen: 2020-99-99")
        assert read_yolo(root).classes == ("on", "no", "010")


@pytest.mark.parametrize(
    "names", ["[a, '']", '[a, "b\\0c"]', "{0: a, b: c}", "[[a]]", "{0: a, 0.0: b}"]
)
def test_names_that_are_none(tmp_path, names):
    with pytest.raises(AnnotationError, match=r"data\.yaml"):
        read_yolo(yolo(tmp_path, "0 0.5 0.5 0.25 0.5", yaml=f"names: {names}"))


def test_an_empty_line_among_names_would_shift_the_others(tmp_path):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "a.txt", "0 0.5 0.5 0.25 0.5")
    put(tmp_path / "classes.txt", "stop\n\nyield\n\n")
    with pytest.raises(AnnotationError, match=r"classes\.txt: class 1"):
        read_yolo(tmp_path)


def test_yaml_that_multiplies_or_never_ends_is_one_message(tmp_path):
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9) if i else 'x'}]" for i in range(9)]
    root = yolo(tmp_path / "a", "0 0.5 0.5 0.25 0.5", yaml="\n".join(levels) + "\nnames: {x: *l8}")
    with pytest.raises(AnnotationError, match="names") as raised:
        read_yolo(root)
    assert len(str(raised.value)) < 1000
    deep = yolo(tmp_path / "b", "0 0.5 0.5 0.25 0.5", yaml="names: " + "[" * 5000)
    with pytest.raises(AnnotationError, match="YAML"):
        read_yolo(deep)


def test_hidden_copies_and_other_letters(tmp_path):
    root = yolo(tmp_path, "0 0.5 0.5 0.25 0.5")
    put_picture(root / "images/.ipynb_checkpoints/0-checkpoint.png")
    put(root / "images/._0.png", b"\0\0\0")
    put(root / "labels/._0.txt", b"\0\xb0\0")
    put_picture(root / "images/Caf\u00e9.png")
    put(root / "labels/cafe\u0301.txt", "1 0.5 0.5 0.25 0.5")
    dataset = read_yolo(root)
    assert dataset.n_boxes() == {"stop": 1, "yield": 1}
    assert len(dataset) == 2


def test_an_unknown_setting(tmp_path):
    with pytest.raises(InputError, match="yolo: expected boxes or polygons"):
        Reading(yolo="obb")
