"""What looks odd in a support set is told, or decided by the user."""

import numpy as np
import pytest
from PIL import Image

from drivemeta.data.readers.files import read_image
from drivemeta.data.readers.reading import Reading
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco, put, put_picture

WHOLE = (0, 0, 80, 60)


def test_whole_pictures_are_crops_or_scenes_as_the_user_says(tmp_path):
    path = put(tmp_path / "c.json", coco("a.png", "b.png", box=WHOLE))
    for name in ("a.png", "b.png"):
        put_picture(tmp_path / name)
    with pytest.raises(AnnotationError, match=r"look like crops.*--read whole=crops"):
        SupportSet.from_path(path)
    assert SupportSet.from_path(path, reading=Reading(whole="crops")).of_crops
    assert not SupportSet.from_path(path, reading=Reading(whole="scenes")).of_crops


def test_one_whole_picture_among_others_is_a_note(tmp_path):
    data = coco("a.png", "b.png")
    data["annotations"][1]["bbox"] = list(WHOLE)
    for name in ("a.png", "b.png"):
        put_picture(tmp_path / name)
    (note,) = SupportSet.from_path(put(tmp_path / "c.json", data)).dataset.notes
    assert "1 of 2 pictures" in note
    assert "look like crops" in note


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.linspace(21000, 21600, 4800).astype(np.uint16), True),
        (np.linspace(0, 65535, 4800).astype(np.uint16), False),
        (np.linspace(82, 84, 4800).astype(np.uint8), True),
        (np.linspace(40, 140, 4800).astype(np.uint8), False),
    ],
)
def test_pictures_that_use_a_sliver_of_their_range(tmp_path, values, told):
    Image.fromarray(values.reshape(60, 80)).save(tmp_path / "a.png")
    notes = SupportSet.from_path(put(tmp_path / "c.json", coco("a.png"))).dataset.notes
    assert any("sliver" in note for note in notes) == told


@pytest.mark.parametrize("read", [SupportSet.from_path, SupportSet.from_coco])
def test_pictures_of_a_sliver_are_stretched_by_choice(tmp_path, read):
    values = np.linspace(21000, 21600, 4800).astype(np.uint16).reshape(60, 80)
    Image.fromarray(values).save(tmp_path / "a.png")
    path = put(tmp_path / "c.json", coco("a.png"))
    assert "--read values=stretched" in read(path).dataset.notes[0]
    support = read(path, reading=Reading(values="stretched"))
    (note,) = support.dataset.notes
    assert note.startswith("all pictures are stretched")
    (image,) = support.images
    pixels = read_image(image.path)
    assert pixels.shape == (60, 80, 3)
    assert (pixels[0, 0].max(), pixels[-1, -1].min()) == (0, 255)
    assert abs(int(pixels[30, 0, 0]) - 127) < 3
    assert image.path.name == "a.png"
    np.testing.assert_allclose(image.boxes, [[10, 20, 40, 35]])


def test_classes_without_a_box_are_left_out_and_told(tmp_path):
    data = coco("a.png")
    data["categories"] += [{"id": 2, "name": "yield"}, {"id": 0, "name": "crowd"}]
    crowd = {"id": 2, "image_id": 1, "category_id": 0, "bbox": [50, 5, 20, 20], "iscrowd": 1}
    data["annotations"].append(crowd)
    put_picture(tmp_path / "a.png")
    support = SupportSet.from_path(put(tmp_path / "c.json", data))
    assert support.classes == ("stop",)
    assert support.images[0].ignore.tolist() == [False, True]
    assert support.dataset.notes == ("no boxes of 'crowd' (1 set aside), 'yield': not learnt",)


def test_a_set_of_which_all_is_set_aside_says_so(tmp_path):
    put_picture(tmp_path / "a.png")
    path = put(tmp_path / "c.json", coco("a.png", iscrowd=1))
    with pytest.raises(AnnotationError, match=r"no boxes in 1 images.*\(1 are set aside"):
        SupportSet.from_path(path)


def test_classes_that_differ_in_letters_alone_are_noted(tmp_path):
    data = coco("a.png", "b.png")
    data["categories"] = [{"id": 1, "name": "Stop sign"}, {"id": 2, "name": "stop_sign"}]
    data["annotations"][1]["category_id"] = 2
    for name in ("a.png", "b.png"):
        put_picture(tmp_path / name)
    (note,) = SupportSet.from_path(put(tmp_path / "c.json", data)).dataset.notes
    assert note.startswith("'Stop sign' and 'stop_sign' are classes of their own")
