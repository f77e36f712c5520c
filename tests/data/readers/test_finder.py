"""Pictures are found however their names are written, and never outside their folder."""

import unicodedata

import pytest

from drivemeta.data.readers.finder import ImageFinder, finders_beside, usual_folders
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import put_picture

NFC, NFD = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("data/a.jpg", "a.jpg"),
        ("images/default/a.jpg", "a.jpg"),
        ("images/front/a.jpg", "front\\a.jpg"),
        ("a.jpg", "/home/anna/frames/a.jpg"),
        ("images/val/a.jpg", "/home/anna/frames/val/a.jpg"),
        ("a.jpg", "C:\\photos\\a.jpg"),
        ("a.jpg", "..\\..\\upload\\4\\a.jpg"),
        ("a.jpg", "../a.jpg"),
        ("a:1.jpg", "a:1.jpg"),
        ("a.jpg", "https://host:8080/data/upload/a.jpg"),
        ("a.jpg", "/data/local-files/?d=frames/a.jpg"),
        ("a.JPG", "a.jpg"),
        ("a b.jpg", "a%20b.jpg"),
        ("a.jpg", "https://host/x/a.jpg?X-Amz-Date=1&b=2"),
        ("frames/a.jpg", "/home/anna/video/a.jpg"),
        ("frames/a.jpg", "images/a.jpg"),
        (NFC, NFD),
        (NFD, NFC),
        ("frame_000001.png", "frame_000001"),
        ("frame.0001.png", "frame.0001"),
        ("images/frame.0001.PNG", "frame.0001"),
    ],
)
def test_found(tmp_path, there, name):
    expected = put_picture(tmp_path / there)
    put_picture(tmp_path / "other.png")
    assert ImageFinder(usual_folders(tmp_path)).find(name, "image 1") == expected


@pytest.mark.parametrize("name", ["../secret.jpg", "/secret.jpg", "x/../../secret.jpg"])
def test_nothing_is_found_outside(tmp_path, name):
    put_picture(tmp_path / "secret.jpg")
    (tmp_path / "in").mkdir()
    with pytest.raises(AnnotationError, match=r"image 1: the image .* is missing"):
        ImageFinder(usual_folders(tmp_path / "in")).find(name, "image 1")


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("x.jpg", ("images/a/x.jpg", "images/b/x.jpg")),
        ("x", ("x.png", "x.jpg")),
        ("x.jpg", ("X.jpg", "x.JPG")),
    ],
)
def test_two_that_can_be_meant_are_refused(tmp_path, name, there):
    for place in there:
        put_picture(tmp_path / place)
    with pytest.raises(AnnotationError, match=r"may be .* or .*; give the folder"):
        ImageFinder(usual_folders(tmp_path)).find(name, "image 1")


def test_another_suffix_is_no_picture_of_that_name_but_a_hint(tmp_path):
    put_picture(tmp_path / "a.png")
    with pytest.raises(AnnotationError, match=r"Did you mean 'a\.png'\?"):
        ImageFinder([tmp_path]).find("a.jpg", "image 1")
    assert ImageFinder([tmp_path]).find("a.jpg", "a.xml", stem="a").name == "a.png"


@pytest.mark.parametrize("name", ["A" * 5000 + ".jpg", "a\x00b.jpg", "\ud800.jpg", "", ".", "/", 5])
def test_names_that_no_file_can_have(tmp_path, name):
    with pytest.raises(AnnotationError, match="image 1"):
        ImageFinder([tmp_path]).find(name, "image 1")


def test_hidden_pictures_do_not_stand_for_others(tmp_path):
    put_picture(tmp_path / ".thumbs/a.jpg")
    put_picture(tmp_path / "__MACOSX/a.jpg")
    with pytest.raises(AnnotationError, match="missing"):
        ImageFinder([tmp_path]).find("a.jpg", "image 1")


def test_the_folder_above_is_looked_through_for_annotations_in_their_own(tmp_path):
    expected = put_picture(tmp_path / "images/a.jpg")
    (tmp_path / "Annotations").mkdir()
    found = ImageFinder(usual_folders(tmp_path / "Annotations")).find("a.jpg", "image 1")
    assert found.samefile(expected)


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("train/a.jpg", "val/a.jpg"),
        ("images/train/a.jpg", "images/val/a.jpg"),
        ("train/images/a.jpg", "valid/images/a.jpg"),
        ("train/a.jpg", "/home/anna/val/a.jpg"),
        ("front/a.jpg", "rear/a.jpg"),
    ],
)
def test_a_picture_of_another_folder_is_another_picture(tmp_path, there, name):
    put_picture(tmp_path / there)
    with pytest.raises(AnnotationError, match=r"image 1: .* is missing; .*another folder"):
        ImageFinder(usual_folders(tmp_path)).find(name, "image 1")
    folder = (tmp_path / there).parent
    assert ImageFinder([folder]).find(name, "image 1").parent == folder


def test_of_two_pictures_the_one_in_the_folder_of_that_name_is_meant(tmp_path):
    expected = put_picture(tmp_path / "data/x/front/a.jpg")
    put_picture(tmp_path / "data/x/rear/a.jpg")
    finder = ImageFinder(usual_folders(tmp_path))
    assert finder.find("/home/anna/front/a.jpg", "image 1") == expected


def test_a_file_that_names_another_picture_than_its_own(tmp_path):
    put_picture(tmp_path / "a.jpg")
    other = put_picture(tmp_path / "b.jpg")
    finder = ImageFinder([tmp_path])
    with pytest.raises(AnnotationError, match=r"names 'b\.jpg', but a\.jpg is called like itself"):
        finder.find("b.jpg", "a.xml", stem="a")
    assert finder.find("b.jpg", "0001.xml", stem="0001") == other


def test_a_picture_of_another_part_of_the_set_is_another_picture(tmp_path):
    folder = put_picture(tmp_path / "val/a.jpg").parent
    (tmp_path / "train").mkdir()
    file = tmp_path / "train/a.xml"
    finder = finders_beside([file], tmp_path, None)[file.parent]
    with pytest.raises(AnnotationError, match="another folder"):
        finder.find("a.jpg", "a.xml", stem="a")
    with pytest.raises(AnnotationError, match="another folder"):
        ImageFinder(usual_folders(tmp_path)).find("a.jpg", "image 1", subset="Train")
    for subset in ("default", "Validation", ""):
        found = ImageFinder(usual_folders(tmp_path)).find("a.jpg", "image 1", subset=subset)
        assert found.parent == folder
