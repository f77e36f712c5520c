"""YOLO, Pascal VOC, LabelMe and CVAT as tools write them, and as they go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drivemeta.data.readers import read_annotations, read_labelme, read_voc, read_yolo
from drivemeta.errors import AnnotationError
from tests.helpers.images import put_image


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def yolo(root: Path, line: str = "1 0.5 0.5 0.25 0.5", names: str = "[stop, yield]") -> Path:
    put(
        root / "data.yaml",
        f"train: ../train/images\r\nval: ../valid/images\r\nnc: 2\r\nnames: {names}\r\n",
    )
    put_image(root / "train/images/a.jpg")
    put(root / "train/labels/a.txt", line + "\r\n")
    put_image(root / "valid/images/b.jpg")
    put(root / "valid/labels/b.txt", "")
    return root


def test_yolo_of_roboflow_with_a_negative_and_windows_line_ends(tmp_path: Path) -> None:
    dataset = read_annotations(yolo(tmp_path))
    assert dataset.classes == ("stop", "yield")
    first, second = dataset.images
    np.testing.assert_allclose(first.boxes, [[30, 15, 50, 45]])
    assert first.labels.tolist() == [1]
    assert first.entries == ("a.txt line 1",)
    assert len(second) == 0
    assert [i.attributes["split"] for i in dataset.images] == ["train", "val"]


def test_yolo_of_ultralytics_with_a_mapping_of_names_and_polygons(tmp_path: Path) -> None:
    put(tmp_path / "data.yaml", "path: .\ntrain: images/train\nnames:\n  0: stop\n  1: yield\n")
    put_image(tmp_path / "images/train/a.png")
    put(tmp_path / "labels/train/a.txt", "0 0.1 0.1 0.5 0.1 0.5 0.6\n\n1 0.5 0.5 0.25 0.5 0.93\n")
    (image,) = read_yolo(tmp_path / "data.yaml").images
    np.testing.assert_allclose(image.boxes, [[8, 6, 40, 36], [30, 15, 50, 45]], atol=1e-4)


def test_yolo_of_labelimg_beside_the_images(tmp_path: Path) -> None:
    put(tmp_path / "classes.txt", "stop\nyield\n")
    put_image(tmp_path / "a.png")
    put(tmp_path / "a.txt", "1 0.5 0.5 0.25 0.5")
    assert read_annotations(tmp_path).n_boxes() == {"stop": 0, "yield": 1}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("7 0.5 0.5 0.25 0.5", ["line 1", "class id 7"]),
        ("0 0.5 0.5", ["line 1", "expected"]),
        ("0 a b c d", ["line 1", "expected"]),
        ("0 120 80 30 20", ["line 1", "relative"]),
        ("0 0.5 0.5 -0.2 0.2", ["line 1"]),
    ],
)
def test_yolo_faults_name_the_line(tmp_path: Path, line: str, words: list[str]) -> None:
    with pytest.raises(AnnotationError) as raised:
        read_yolo(yolo(tmp_path, line))
    assert all(word in str(raised.value) for word in ["a.txt", *words])


def test_yolo_boxes_without_their_image(tmp_path: Path) -> None:
    put(yolo(tmp_path) / "train/labels/gone.txt", "0 0.5 0.5 0.2 0.2")
    with pytest.raises(AnnotationError, match=r"gone\.txt.*missing"):
        read_yolo(tmp_path)


@pytest.mark.parametrize("names", ["5", "[a, a]", "{0: a, 2: b}", "[]", "{"])
def test_yolo_names_that_are_none(tmp_path: Path, names: str) -> None:
    with pytest.raises(AnnotationError, match=r"data\.yaml"):
        read_yolo(yolo(tmp_path, names=names))


VOC = """<annotation><folder>x</folder><filename>{name}</filename>
<size><width>80</width><height>60</height><depth>3</depth></size>
<object><name>stop</name><difficult>0</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>35</ymax></bndbox></object>
<object><name>yield</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9.5</xmax><ymax>8</ymax></bndbox>
<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>8</y3></polygon></object>
</annotation>"""


@pytest.mark.parametrize(
    ("xml_at", "image_at", "name"),
    [
        ("Annotations/a.xml", "JPEGImages/a.jpg", "a.jpg"),
        ("annotations/a.xml", "images/a.png", "a.png"),
        ("a.xml", "a.png", "a.png"),
        ("train/a.xml", "train/a.png", "a"),
        ("Annotations/a.xml", "JPEGImages/a.jpg", ""),
    ],
)
def test_voc_layouts(tmp_path: Path, xml_at: str, image_at: str, name: str) -> None:
    expected = put_image(tmp_path / image_at)
    put(tmp_path / xml_at, VOC.format(name=name).replace("\n", "\r\n"))
    dataset = read_annotations(tmp_path)
    (image,) = dataset.images
    assert image.path == expected
    assert dataset.classes == ("stop", "yield")
    np.testing.assert_allclose(image.boxes, [[10, 20, 40, 35], [0, 0, 9.5, 8]])
    assert image.ignore.tolist() == [False, True]


def test_voc_image_without_xml_is_a_negative_and_zero_sizes_are_read_anew(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    put_image(tmp_path / "b.png", 50, 40)
    put(tmp_path / "a.xml", VOC.format(name="a.png").replace(">80<", ">0<"))
    first, second = read_voc(tmp_path).images
    assert first.size == (60, 80)
    assert (second.size, len(second)) == ((40, 50), 0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<name>stop</name>", "", ["object 1"]),
        ("<xmin>1</xmin>", "<xmin>x</xmin>", ["object 2"]),
        ("</annotation>", "", ["XML"]),
        ("</bndbox>", "</bndbox><bndbox></bndbox>", ["object 1", "one <bndbox>"]),
        ("object>", "Object>", ["<object> right in <annotation>"]),
        ("a.png", "b.png", ["b.png", "missing"]),
        ("a.png", "../b.png", ["b.png", "missing"]),
    ],
)
def test_voc_faults(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    put_image(tmp_path / "a.png")
    put(tmp_path / "a.xml", VOC.format(name="a.png").replace(old, new))
    with pytest.raises(AnnotationError) as raised:
        read_voc(tmp_path)
    assert all(word in str(raised.value) for word in ["a.xml", *words])


def test_xml_that_expands_entities_is_refused(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    bomb = '<!DOCTYPE a [<!ENTITY e "x">]>' + VOC.format(name="&e;")
    put(tmp_path / "a.xml", bomb)
    with pytest.raises(AnnotationError, match=r"a\.xml"):
        read_voc(tmp_path)


def labelme(root: Path, **changes: object) -> Path:
    put_image(root / "a.png")
    shape = {
        "label": "stop",
        "shape_type": "rectangle",
        "points": [[40, 35], [10, 20]],
        "group_id": None,
        **changes,
    }
    triangle = {
        "label": "yield",
        "shape_type": "polygon",
        "points": [[1, 1], [9, 1], [9, 8]],
        "group_id": None,
    }
    data = {
        "version": "5.5.0",
        "shapes": [shape, triangle],
        "imagePath": "..\\frames\\a.png",
        "imageData": None,
        "imageHeight": 60,
        "imageWidth": 80,
    }
    put(root / "a.json", json.dumps(data))
    return root


def test_labelme(tmp_path: Path) -> None:
    dataset = read_annotations(labelme(tmp_path))
    assert dataset.classes == ("stop", "yield")
    np.testing.assert_allclose(dataset.images[0].boxes, [[10, 20, 40, 35], [1, 1, 9, 8]])


@pytest.mark.parametrize("changes", [{"label": ""}, {"shape_type": "blob"}, {"points": [[1, 2]]}])
def test_labelme_faults_name_the_shape(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(AnnotationError, match=r"a\.json: shape 1"):
        read_labelme(labelme(tmp_path, **changes))


CVAT = """<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
<meta><task><labels><label><name>stop</name></label><label><name>yield</name></label></labels>
</task></meta>
<image id="0" name="front/a.png" subset="train" width="80" height="60">
<box label="yield" source="manual" occluded="0" xtl="10.0" ytl="20.0" xbr="40.0" ybr="35.0"
 z_order="0"></box>
<polygon label="stop" points="1.0,1.0;9.0,1.0;9.0,8.0"></polygon></image></annotations>"""


def test_cvat(tmp_path: Path) -> None:
    put_image(tmp_path / "images/front/a.png")
    put(tmp_path / "annotations.xml", CVAT)
    for path in (tmp_path, tmp_path / "annotations.xml"):
        dataset = read_annotations(path)
        assert dataset.classes == ("stop", "yield")
        np.testing.assert_allclose(dataset.images[0].boxes, [[10, 20, 40, 35], [1, 1, 9, 8]])
        assert dataset.images[0].labels.tolist() == [1, 0]


def test_unknown_inputs_say_what_is_expected(tmp_path: Path) -> None:
    put(tmp_path / "support.json", "{}")
    put_image(tmp_path / "frame.png")
    (tmp_path / "empty").mkdir()
    cases = {
        "suport.json": "did you mean 'support.json'",
        "frame.png": r"found a \.png file; beside it lies support\.json",
        "empty": "an empty folder",
        "support.json": "COCO",
    }
    for name, words in cases.items():
        with pytest.raises(AnnotationError, match=words):
            read_annotations(tmp_path / name)
    with pytest.raises(AnnotationError, match="folder of the images"):
        read_annotations(tmp_path / "support.json", tmp_path / "none")


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("windows-1252", "Straße"),
        ("gbk", "停车"),
        ("utf-16", "停车"),
        ("utf-8-sig", "Straße"),
        ("shift_jis", "止まれ"),
    ],
)
def test_xml_is_read_by_the_encoding_that_it_declares(
    tmp_path: Path, encoding: str, name: str
) -> None:
    put_image(tmp_path / "a.png")
    text = VOC.format(name="a.png").replace("stop", name)
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>{text}'
    (tmp_path / "a.xml").write_bytes(declared.encode(encoding))
    assert name in read_voc(tmp_path).classes


@pytest.mark.parametrize("encoding", ["klingon", "base64", "ascii"])
def test_xml_of_another_encoding_than_declared(tmp_path: Path, encoding: str) -> None:
    put_image(tmp_path / "a.png")
    text = VOC.format(name="a.png").replace("stop", "Straße")
    put(tmp_path / "a.xml", f'<?xml version="1.0" encoding="{encoding}"?>{text}')
    with pytest.raises(AnnotationError, match=r"a\.xml: "):
        read_voc(tmp_path)


@pytest.mark.parametrize(("value", "ignored"), [("True", True), (" 1 ", True), ("", False)])
def test_voc_difficult_in_words(tmp_path: Path, value: str, ignored: bool) -> None:
    put_image(tmp_path / "a.png")
    text = VOC.format(name="a.png").replace("<difficult>0<", f"<difficult>{value}<")
    put(tmp_path / "a.xml", text.replace("<name>stop<", "<name>\n stop <"))
    dataset = read_voc(tmp_path)
    assert dataset.classes == ("stop", "yield")
    assert bool(dataset.images[0].ignore[0]) is ignored


def test_voc_names_the_picture_with_another_suffix(tmp_path: Path) -> None:
    expected = put_image(tmp_path / "a.jpg")
    put(tmp_path / "a.xml", VOC.format(name="a.png"))
    dataset = read_voc(tmp_path)
    assert dataset.images[0].path == expected
    assert "a.jpg for 'a.png'" in dataset.notes[0]


@pytest.mark.parametrize(
    ("old", "new"), [(">80<", ">inf<"), (">80<", ">1e999<"), ("<name>stop<", "<name> <")]
)
def test_voc_values_that_are_none(tmp_path: Path, old: str, new: str) -> None:
    put_image(tmp_path / "a.png")
    put(tmp_path / "a.xml", VOC.format(name="a.png").replace(old, new))
    with pytest.raises(AnnotationError, match=r"a\.xml: "):
        read_voc(tmp_path)


def test_files_of_macos_and_directories_named_like_images_are_no_input(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    put(tmp_path / "a.xml", VOC.format(name="a.png"))
    put(tmp_path / "__MACOSX/._a.xml", "\x00\x05\x16")
    put(tmp_path / "._a.png", "\x00")
    (tmp_path / "b.png").mkdir()
    assert len(read_annotations(tmp_path)) == 1


@pytest.mark.parametrize("side", ["0", "0.0", "10.25", "-1"])
def test_voc_that_counts_from_0(tmp_path: Path, side: str) -> None:
    put_image(tmp_path / "a.png")
    put(tmp_path / "a.xml", VOC.format(name="a.png").replace("<xmin>1<", f"<xmin>{side}<"))
    dataset = read_voc(tmp_path)
    np.testing.assert_allclose(
        dataset.images[0].boxes, [[11, 21, 40, 35], [float(side), 1, 9.5, 8]]
    )
    assert f"count from 0, as xmin {side} of a.xml object 2 shows" in dataset.notes[0]


def test_voc_sets_other_xml_files_aside(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    put_image(tmp_path / "b.png")
    put(tmp_path / "a.xml", VOC.format(name="a.png"))
    put(tmp_path / "settings.xml", "<settings/>")
    dataset = read_annotations(tmp_path)
    assert [aside.file for aside in dataset.set_aside] == ["settings.xml"]
    assert "1 picture (b.png) has no file of annotations" in dataset.notes[0]
    with pytest.raises(AnnotationError, match=r"found <settings> in settings\.xml"):
        read_voc(tmp_path / "settings.xml")


@pytest.mark.parametrize("sides", ["<w>-9</w><h>20</h>", "<w>9</w><h>0</h>"])
def test_turned_boxes_of_no_size(tmp_path: Path, sides: str) -> None:
    put_image(tmp_path / "a.png")
    turned = f"<robndbox><cx>30</cx><cy>30</cy>{sides}<angle>0.7</angle></robndbox><bndbox>"
    put(tmp_path / "a.xml", VOC.format(name="a.png").replace("<bndbox>", turned, 1))
    with pytest.raises(AnnotationError, match="object 1: expected w and h of more than 0"):
        read_voc(tmp_path)
