"""Boxes of pictures that EXIF turns are of the upright picture, or nothing is read."""

import numpy as np
import pytest

from drivemeta.core.pictures import PictureHeader, read_header, set_upright
from drivemeta.data.readers import read_annotations
from drivemeta.data.readers.coco import OWN_FORMAT
from drivemeta.data.readers.reading import Reading
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco, put, put_picture

BOX = np.array([[10, 20, 40, 35]], np.float32)


def annotated(root, orientation, upright_size):
    """Write COCO of a picture that is stored 80x60, annotated in one of its two sizes."""
    put_picture(root / "a.jpg", orientation=orientation)
    data = coco("a.jpg")
    if upright_size and orientation >= 5:
        data["images"][0].update(width=60, height=80)
    return put(root / "c.json", data)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_size_tells_that_boxes_are_upright(tmp_path, orientation):
    (image,) = read_annotations(annotated(tmp_path, orientation, True)).images
    assert image.size == (80, 60)
    np.testing.assert_allclose(image.boxes, BOX)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_what_nothing_tells_is_refused_and_the_setting_named(tmp_path, orientation):
    path = annotated(tmp_path, orientation, False)
    with pytest.raises(AnnotationError, match=r"a\.jpg .* EXIF .*--read exif=stored"):
        SupportSet.from_path(path)
    header = PictureHeader((60, 80), orientation)
    (image,) = SupportSet.from_path(path, reading=Reading(exif="stored")).images
    assert image.size == header.size
    np.testing.assert_allclose(image.boxes, set_upright(BOX, header))
    (image,) = SupportSet.from_path(path, reading=Reading(exif="upright")).images
    np.testing.assert_allclose(image.boxes, BOX)


def test_formats_without_a_size_cannot_tell(tmp_path):
    put_picture(tmp_path / "a.jpg", orientation=6)
    put(tmp_path / "classes.txt", "stop")
    put(tmp_path / "a.txt", "0 0.5 0.5 0.5 0.5")
    with pytest.raises(AnnotationError, match="annotated without a size"):
        read_annotations(tmp_path)


def test_tools_that_show_pictures_upright_are_believed(tmp_path):
    put_picture(tmp_path / "a.jpg", orientation=3)
    points = [[10, 20], [40, 35]]
    shape = {"label": "stop", "shape_type": "rectangle", "points": points}
    labelme = {"shapes": [shape], "imagePath": "a.jpg", "imageHeight": 60, "imageWidth": 80}
    put(tmp_path / "a.json", labelme)
    np.testing.assert_allclose(read_annotations(tmp_path).images[0].boxes, BOX)


def test_our_own_detections_are_of_upright_pictures(tmp_path):
    path = annotated(tmp_path, 3, True)
    data = {**coco("a.jpg"), "info": {"description": "DriveMeta pre-labels: to be checked"}}
    dataset = read_annotations(put(path, data))
    assert dataset.format == OWN_FORMAT
    np.testing.assert_allclose(dataset.images[0].boxes, BOX)


def test_a_turned_picture_without_boxes_is_no_question(tmp_path):
    path = annotated(tmp_path, 3, True)
    put_picture(tmp_path / "b.jpg")
    data = coco("a.jpg", "b.jpg")
    del data["annotations"][0]
    assert [len(image) for image in read_annotations(put(path, data)).images] == [0, 1]


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_shares_are_of_the_picture_that_the_setting_names(tmp_path, orientation):
    picture = put_picture(tmp_path / "a.jpg", orientation=orientation)
    put(tmp_path / "classes.txt", "stop")
    put(tmp_path / "a.txt", "0 0.25 0.5 0.5 0.25")
    stored = np.array([[0, 22.5, 40, 37.5]], np.float32)  # of 80x60
    (image,) = read_annotations(tmp_path, reading=Reading(exif="stored")).images
    np.testing.assert_allclose(image.boxes, set_upright(stored, read_header(picture)))
    (image,) = read_annotations(tmp_path, reading=Reading(exif="upright")).images
    height, width = image.size
    shown = [0, 0.375 * height, 0.5 * width, 0.625 * height]
    np.testing.assert_allclose(image.boxes, [shown])


def test_crops_are_whole_however_they_are_stored(tmp_path):
    put_picture(tmp_path / "stop/a.jpg", orientation=6)
    for exif in (None, "upright", "stored"):
        (image,) = read_annotations(tmp_path, reading=Reading(exif=exif)).images
        assert image.boxes.tolist() == [[0, 0, 60, 80]]
