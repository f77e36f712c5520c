"""Crops that are no object: what level 1 errs on, and the lights of vehicles."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.core.boxes import iou_matrix
from drivemeta.core.score_rule import Located
from drivemeta.training.base import level2_crops
from drivemeta.training.base.level2_crops import (
    BACKGROUND,
    VEHICLE_LIGHT,
    mined_crops,
    vehicle_light_crops,
)
from drivemeta.training.base.sources import (
    COMPLETE,
    NONE,
    SUPER_CLASSES,
    SourceImage,
)

TRUTH = np.array([[20, 30, 120, 90]], np.float32)
RED, GREY = 230, 90


@pytest.fixture
def scene(tmp_path: Path) -> SourceImage:
    """Return a grey scene with one red vehicle and a green thing that is no object."""
    image = np.full((120, 240, 3), GREY, np.uint8)
    image[30:90, 20:120] = (0, 0, RED)
    image[20:50, 180:210] = (0, RED, 0)
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), image)
    return SourceImage(
        path,
        (120, 240),
        TRUTH,
        np.zeros(1, np.int64),
        np.zeros(1, bool),
        (None,),
        np.full(5, COMPLETE),
    )


def proposals(*roots: int) -> Located:
    boxes = np.array([[22, 31, 118, 92], [180, 20, 210, 50]], np.float32)
    kinds = np.array(roots)
    return Located(boxes, np.array([0.9, 0.4], np.float32), kinds, kinds, np.arange(2))


def test_mined_crops_are_proposals_where_nothing_is(scene, monkeypatch):
    monkeypatch.setattr(level2_crops, "propose", lambda *_: proposals(0, 4))
    crops = mined_crops([scene], None, 5, np.random.default_rng(0))[BACKGROUND]
    assert len(crops) == 1
    assert crops[0].image[48, 48].tolist() == [0, RED, 0]


def test_classes_that_a_source_does_not_annotate_are_not_believed(scene, monkeypatch):
    monkeypatch.setattr(level2_crops, "propose", lambda *_: proposals(0, 4))
    scene.coverage[SUPER_CLASSES.index("traffic_sign")] = NONE
    assert not mined_crops([scene], None, 5, np.random.default_rng(0))[BACKGROUND]


def test_vehicle_lights_are_cut_from_the_sides_of_wide_vehicles(scene, monkeypatch):
    boxes = []
    monkeypatch.setattr(level2_crops, "cut_crop", lambda _, box, __: boxes.append(box))
    for seed in range(20):
        assert VEHICLE_LIGHT in vehicle_light_crops([scene], 1, np.random.default_rng(seed))
    boxes = np.stack(boxes)
    assert (iou_matrix(boxes, TRUTH)[:, 0] > 0).all()
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    assert ((middle < 40) | (middle > 100)).all()
