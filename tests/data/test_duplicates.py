"""What is annotated twice counts once, and says so."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from drivemeta.data.findings import FURTHER, all_set_aside
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from drivemeta.export.probe_scene import draw_scene
from tests.helpers.annotated import coco, put, put_picture


def annotated(root, data, *, same=()):
    for row in data["images"]:
        seed = 0 if row["file_name"] in same else None
        put_picture(root / row["file_name"], seed=seed)
    return SupportSet.from_path(put(root / "c.json", data))


def test_equal_pictures_of_several_names_are_one(tmp_path):
    data = coco("a.png", "b.png", "c.png")
    data["annotations"][1]["bbox"] = [40, 5, 20, 20]  # another box in the copy
    support = annotated(tmp_path, data, same=("a.png", "b.png"))
    assert [image.path.name for image in support.images] == ["a.png", "c.png"]
    np.testing.assert_allclose(support.images[0].boxes, [[10, 20, 40, 35], [40, 5, 60, 25]])
    assert support.images[0].entries == ("annotation 1", "annotation 2")
    assert support.n_boxes == {"stop": 3}
    assert support.dataset.notes == (
        "1 picture is the same as another under another name: counted once",
    )
    (aside,) = support.dataset.set_aside
    assert (aside.file, aside.what) == ("b.png", "the picture, as a.png")


@pytest.mark.parametrize("quality", [95, 75, 60])
def test_a_picture_that_was_encoded_anew_counts_once(tmp_path, quality):
    scene = Image.fromarray(draw_scene((270, 480))[..., ::-1])
    for name in ("a.png", "b.jpg", "c.webp"):
        scene.save(tmp_path / name, quality=quality)
    data = coco("a.png", "b.jpg", "c.webp")
    for image in data["images"]:
        image.update(width=480, height=270)
    support = SupportSet.from_path(put(tmp_path / "c.json", data))
    assert support.n_boxes == {"stop": 1}
    assert support.dataset.notes == (
        "2 pictures are the same as another under another name: counted once",
        "2 boxes are nearly the same as another of its class: counted once",
    )


@pytest.mark.parametrize("change", ["moved", "brighter", "object", "grey"])
def test_another_picture_of_the_same_road_is_another(tmp_path, change):
    scene = draw_scene((270, 480))
    other = scene.copy()
    if change == "moved":
        other = np.roll(scene, 3, 1)
    elif change == "brighter":
        other = cv2.convertScaleAbs(scene, alpha=1.2)
    elif change == "object":
        cv2.rectangle(other, (200, 120), (207, 127), (60, 60, 60), -1)
    else:  # what is hardly varied is not taken for the same
        scene, other = np.full_like(scene, 90), np.full_like(scene, 91)
    cv2.imwrite(str(tmp_path / "a.png"), scene)
    cv2.imwrite(str(tmp_path / "b.png"), other)
    data = coco("a.png", "b.png")
    for image in data["images"]:
        image.update(width=480, height=270)
    assert SupportSet.from_path(put(tmp_path / "c.json", data)).n_boxes == {"stop": 2}


def test_pictures_that_merely_resemble_each_other_are_two(tmp_path):
    put_picture(tmp_path / "a.png", seed=0)
    put_picture(tmp_path / "b.jpg", seed=0)  # compressed: other pixels
    assert len(SupportSet.from_path(put(tmp_path / "c.json", coco("a.png", "b.jpg"))).images) == 2


@pytest.mark.parametrize(
    ("box", "n_boxes"),
    [([10, 20, 30, 15], 1), ([10.4, 19.8, 30, 15], 1), ([12, 22, 30, 15], 2), ([10, 20, 30, 7], 2)],
)
def test_nearly_equal_boxes_of_one_class_are_one(tmp_path, box, n_boxes):
    data = coco("a.png")
    data["annotations"].append({"id": 101, "image_id": 1, "category_id": 1, "bbox": box})
    support = annotated(tmp_path, data)
    assert support.n_boxes == {"stop": n_boxes}
    found = [aside.what for aside in support.dataset.set_aside]
    assert found == ["annotation 101 ('stop'), as annotation 1"] * (2 - n_boxes)


def test_a_box_of_two_classes_stays_and_is_told(tmp_path):
    data = coco("a.png")
    data["categories"].append({"id": 2, "name": "yield"})
    row = {"id": 2, "image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 15]}
    data["annotations"].append(row)
    support = annotated(tmp_path, data)
    assert support.n_boxes == {"stop": 1, "yield": 1}
    assert "1 box is annotated as two classes: annotation 2 in a.png" in support.dataset.notes[0]


def test_an_ignored_box_does_not_stand_for_another(tmp_path):
    data = coco("a.png", iscrowd=1)
    row = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 15]}
    data["annotations"].append(row)
    assert annotated(tmp_path, data).n_boxes == {"stop": 1}


def test_one_crop_of_two_classes_is_refused(tmp_path):
    for name in ("stop/a.png", "yield/b.png"):
        put_picture(tmp_path / name, seed=0)
    with pytest.raises(AnnotationError, match="one picture is given as 'stop' and as 'yield'"):
        SupportSet.from_path(tmp_path)


def test_an_object_that_is_seen_again_is_one_shot(tmp_path):
    data = coco("a.png", "b.png", "c.png", "d.png", origin="drawn")
    for row, number in zip(data["annotations"], (7, 7, 7, 8), strict=True):
        row["object"] = number
    support = annotated(tmp_path, data)
    assert [image.ignore.tolist() for image in support.images] == [[False], [True], [True], [False]]
    assert support.n_boxes == {"stop": 2}
    assert "2 boxes show objects again" in support.dataset.notes[0]
    aside = all_set_aside(support.dataset)
    assert {each.why for each in aside} == {FURTHER}
    own = SupportSet.of(
        replace(support.dataset, images=(support.images[0], support.images[3]), notes=())
    )
    assert own.dataset.notes == ()
    assert own.digest != support.digest


@pytest.mark.parametrize("odd", ["car", -3, True, None, 1 << 80, 1.5])
def test_what_else_is_called_object_in_coco_means_nothing(tmp_path, odd):
    data = coco("a.png", "b.png", object=odd, origin="web")
    assert annotated(tmp_path, data).n_boxes == {"stop": 2}
    data = coco("a.png", "b.png", object=1)
    assert annotated(tmp_path, data).n_boxes == {"stop": 2}
