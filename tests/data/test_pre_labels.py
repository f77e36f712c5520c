"""Pre-labels: the doubtful images first, COCO entries that annotation tools import."""

import numpy as np

from drivemeta.core import Detections
from drivemeta.data.pre_labels import PreLabelled, by_certainty, coco_pre_labels

CLASSES = ("car", "sign")


def image(index: int, *scores: float) -> PreLabelled:
    boxes = np.array([[10, 20, 40.126, 30]] * len(scores), np.float32).reshape(-1, 4)
    labels = np.ones(len(scores), np.int64)
    found = Detections(boxes, np.array(scores, np.float32), labels, CLASSES)
    return PreLabelled(f"{index}.jpg", index, (60, 80), found)


def test_the_least_certain_come_first_and_empty_images_last():
    images = [image(0), image(1, 0.9), image(2, 0.8, 0.3)]
    assert [each.index for each in by_certainty(images)] == [2, 1, 0]


def test_coco_numbers_begin_at_one_and_boxes_are_xywh():
    coco = coco_pre_labels([image(4, 0.5), image(0)], CLASSES)
    assert coco["images"][0] == {"id": 5, "file_name": "4.jpg", "width": 80, "height": 60}
    assert coco["categories"] == [{"id": 1, "name": "car"}, {"id": 2, "name": "sign"}]
    (row,) = coco["annotations"]
    assert (row["id"], row["image_id"], row["category_id"]) == (1, 5, 2)
    assert row["bbox"] == [10.0, 20.0, 30.13, 10.0]
    assert row["area"] == 301.26


def test_json_gives_boxes_xyxy_with_names():
    (seen,) = image(0, 0.25).as_json()["objects"]
    assert seen == {"name": "sign", "score": 0.25, "box": [10.0, 20.0, 40.13, 30.0]}
