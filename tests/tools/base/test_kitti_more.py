"""Further KITTI frames: what a VOC file holds, scaled, and frames alike have like hashes."""

import cv2
import numpy as np

from tools.base.kitti_more import dhash, voc

VOC = b"""<annotation>
<object><name>Cyclist</name>
<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>60</ymax></bndbox></object>
<object><name>Car</name>
<bndbox><xmin>0</xmin><ymin>4</ymin><xmax>8</xmax><ymax>8</ymax></bndbox></object>
</annotation>"""


def test_boxes_are_scaled():
    assert voc(VOC, 0.5) == [(1, [5, 10, 10, 20]), (0, [0, 2, 4, 2])]


def test_the_next_frame_of_a_drive_is_nearer_than_another_scene():
    first, other = np.random.default_rng(0).integers(0, 256, (2, 12, 40, 3), dtype=np.uint8)
    first, other = (cv2.resize(image, (400, 120)) for image in (first, other))
    following = np.roll(first, 4, 1)
    assert (dhash(first) != dhash(following)).sum() < (dhash(first) != dhash(other)).sum() / 2
