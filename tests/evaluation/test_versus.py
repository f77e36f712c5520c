from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.misses_sheet import write_misses
from drivemeta.evaluation.versus import Side, compare

BOXES = np.array([[10, 10, 40, 40], [60, 20, 90, 50]], np.float32)
TREE = ClassTree(("vehicle", "van"), (None, "vehicle"), ("base", "novel"))
N = 12


def dataset(folder=Path()):
    images = tuple(
        AnnotatedImage(
            folder / f"{i}.png", (80, 100), BOXES, np.zeros(2, np.int64), np.zeros(2, np.bool_)
        )
        for i in range(N)
    )
    return Dataset(images, ("vehicle",), "test")


def side(*found, score=0.9, label=0):
    """Return a model that finds these boxes in every image."""
    rows = Detections(
        BOXES[list(found)],
        np.full(len(found), score, np.float32),
        np.full(len(found), label, np.int64),
        TREE.names,
    )
    return Side([rows] * N, TREE, np.array([0.3, 0.3], np.float32))


def test_who_finds_more_and_what_only_one_misses():
    (duel,), misses = compare(dataset(), side(0, 1), side(1), n_rounds=50)
    assert duel.n_boxes == 2 * N
    assert duel.ap50 == pytest.approx((1, 51 / 101), abs=0.01)
    assert duel.difference[1] <= duel.difference[0] <= duel.difference[2]
    assert duel.difference[1] > 0
    assert duel.only_missed == (0, N)
    assert all(not m.by_first and (m.box == BOXES[0]).all() for m in misses)


def test_leaves_count_and_thresholds_hold():
    (duel,), _ = compare(dataset(), side(0, label=1), side(0, score=0.2), n_rounds=5)
    assert duel.ap50[0] == duel.ap50[1]
    assert duel.only_missed == (0, N)


def test_the_same_model_differs_in_nothing():
    (duel,), misses = compare(dataset(), side(0), side(0), n_rounds=5)
    assert duel.difference == (0, 0, 0)
    assert not misses


def test_the_sheet_shows_both(tmp_path):
    for i in range(N):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((80, 100, 3), 90, np.uint8))
    _, misses = compare(dataset(tmp_path), side(0), side(1), n_rounds=1)
    write_misses(misses, ("mine", "theirs"), tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (2 * 28 + 4 * 128, 8 * 128, 3)
    assert (picture[28 : 28 + 128] == 90).any()
