"""A folder is read as one format, or refused: never half of what it holds, never as another."""

import pytest

from drivemeta.data.readers import read_annotations
from drivemeta.data.readers.foreign import foreign_format
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco, put, put_picture

LINE = "0 0.5 0.5 0.25 0.5"
VOC = (
    "<annotation><filename>{name}</filename><object><name>stop</name><bndbox><xmin>31</xmin>"
    "<ymin>16</ymin><xmax>50</xmax><ymax>45</ymax></bndbox></object></annotation>"
)
CVAT = (
    '<annotations><image id="0" name="a.png" width="80" height="60"><box label="stop" xtl="30" '
    'ytl="15" xbr="50" ybr="45"/></image></annotations>'
)
LABELME = {
    "shapes": [{"label": "stop", "shape_type": "rectangle", "points": [[30, 15], [50, 45]]}],
    "imagePath": "a.png",
}
FILES = {
    "coco": {"coco.json": coco("a.png", box=(30, 15, 20, 30))},
    "cvat": {"annotations.xml": CVAT},
    "labelme": {"a.json": LABELME},
    "voc": {"a.xml": VOC.format(name="a.png")},
    "yolo": {"classes.txt": "stop", "a.txt": LINE},
}


def folder(root, *formats):
    put_picture(root / "a.png")
    for name in formats:
        for file, content in FILES[name].items():
            put(root / file, content)
    return root


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("other", FILES)
def test_of_two_formats_the_setting_decides(tmp_path, name, other):
    folder(tmp_path, name, other)
    if name != other:
        with pytest.raises(AnnotationError, match=f"--read format={name}"):
            read_annotations(tmp_path)
    (image,) = read_annotations(tmp_path, reading=Reading(format=name)).images
    assert image.boxes.tolist() == [[30, 15, 50, 45]]


def test_a_list_of_names_beside_other_annotations_is_no_yolo(tmp_path):
    put(folder(tmp_path, "voc") / "classes.txt", "stop")
    put(tmp_path / "notes.txt", "checked by Anna")
    assert read_annotations(tmp_path).format == "Pascal VOC"


def test_of_two_files_of_a_set_each_one_has_to_be_named(tmp_path):
    put(folder(tmp_path, "cvat") / "more.xml", CVAT)
    with pytest.raises(AnnotationError, match=r"several CVAT files \(annotations\.xml, more\.xml"):
        read_annotations(tmp_path)
    assert len(read_annotations(tmp_path / "more.xml")) == 1


def test_a_format_that_is_not_there(tmp_path):
    with pytest.raises(AnnotationError, match="expected a COCO json"):
        read_annotations(folder(tmp_path, "voc"), reading=Reading(format="coco"))


def test_a_file_of_another_format_than_said(tmp_path):
    with pytest.raises(AnnotationError, match="expected yolo, as --read says, found coco"):
        read_annotations(folder(tmp_path, "coco") / "coco.json", reading=Reading(format="yolo"))


@pytest.mark.parametrize(
    ("picture", "file"),
    [
        ("image_2/0.png", "label_2/0.txt"),  # KITTI
        ("img1/0.png", "gt/gt.txt"),  # MOT
        ("stop/0.png", "boxes.csv"),
        ("train/0.png", "train/metadata.jsonl"),
        ("images/0.png", "labels/0.txt"),  # YOLO without names
        ("images/0.png", "masks/0.png"),
        ("train/0.png", "README.txt"),
    ],
)
def test_whole_pictures_are_no_crops(tmp_path, picture, file):
    put_picture(tmp_path / picture)
    put_picture(tmp_path / file) if file.endswith("png") else put(tmp_path / file, "1 2 3")
    with pytest.raises(AnnotationError, match="--read format=crops"):
        read_annotations(tmp_path)
    assert read_annotations(tmp_path, reading=Reading(format="crops")).format == "crops"


def test_trains_beside_cars_are_a_class_and_a_readme_is_no_data(tmp_path):
    for name in ("car/0.png", "train/1.png"):
        put_picture(tmp_path / name)
    put(tmp_path / "README.md.txt", "cut by hand")
    assert read_annotations(tmp_path).classes == ("car", "train")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"id": 1, "data": {}, "annotations": []}], "Label Studio's own JSON: export"),
        ([{"image": "a.jpg", "label": [{"rectanglelabels": ["a"]}]}], "Label Studio's short"),
        ([{"image": "a.jpg", "annotations": []}], "CreateML"),
        ([{"name": "a.jpg", "labels": None}], "BDD100K"),
        ({"frames": []}, "Scalabel"),
        ({"info": {}, "categories": {}, "items": []}, "Datumaro"),
        ({"_via_settings": {}, "_via_img_metadata": {}}, "VIA"),
        ({"size": {}, "objects": []}, "Supervisely"),
        ([{"image_id": 1, "category_id": 1, "bbox": []}], "without their images"),
        ([{"token": "a"}], "nuImages"),
        ([], "a JSON list"),
        ([1], "a JSON list"),
        ([{"b": 1}], "a JSON list of objects of 'b'"),
        ({}, "a JSON object of nothing"),
        (None, "NoneType"),
    ],
)
def test_formats_that_are_not_read_are_called_by_their_name(tmp_path, content, words):
    assert words in foreign_format(content)
    if isinstance(content, list | dict):
        file = put(folder(tmp_path) / "x.json", content)
        for path in (file, tmp_path):
            with pytest.raises(AnnotationError, match=words):
                read_annotations(path)
