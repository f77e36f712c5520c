"""Training crops of level 1: what they are centred on."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.core import SUPER_CLASSES
from drivemeta.training.base.level1_crops import CropRule, FrameCropSampler
from drivemeta.training.base.sources import COMPLETE, SourceImage

VEHICLE, PEDESTRIAN = map(SUPER_CLASSES.index, ("vehicle", "pedestrian"))


@pytest.fixture
def wide(tmp_path: Path) -> SourceImage:
    """Return a frame with a vehicle at its left end and a pedestrian at its right end."""
    path = tmp_path / "wide.png"
    cv2.imwrite(str(path), np.full((64, 960, 3), 90, np.uint8))
    boxes = np.array([[20, 20, 40, 40], [920, 20, 930, 44]], np.float32)
    labels = np.array([VEHICLE, PEDESTRIAN])
    coverage = np.full(len(SUPER_CLASSES), COMPLETE)
    return SourceImage(path, (64, 960), boxes, labels, np.zeros(2, bool), (None, None), coverage)


def seen(image: SourceImage, focus: dict[int, float]) -> list[int]:
    """Return how many of 300 crops show a vehicle, and a pedestrian."""
    rule = CropRule((64, 96), (64, 960), (1.0, 1.0), paste=0.0, focus=focus)
    sampler = FrameCropSampler([([image], 1.0)], rule, [], seed=0)
    crops = [sampler.sample()[1].labels.tolist() for _ in range(300)]
    return [sum(label in labels for labels in crops) for label in (VEHICLE, PEDESTRIAN)]


def test_crops_are_centred_on_each_class_alike(wide):
    vehicles, pedestrians = seen(wide, {})
    assert min(vehicles, pedestrians) > 60
    assert 0.7 < vehicles / pedestrians < 1.4


def test_a_class_in_focus_is_looked_at_more_often(wide):
    vehicles, pedestrians = seen(wide, {PEDESTRIAN: 4.0})
    assert pedestrians > 2 * vehicles > 0
