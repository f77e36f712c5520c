import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.demo.score import ClipScore
from drivemeta.synthetic import SyntheticFrame

CLASSES = ("traffic_sign", "ice")


def _truth(*boxes, leaf="ice", visible=1.0):
    n = len(boxes)
    return SyntheticFrame(
        np.zeros((0, 200, 3), np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        ("traffic_sign",) * n,
        (leaf,) * n,
        np.arange(n, dtype=np.int64),
        np.full(n, visible, np.float32),
    )


def _found(*boxes, label=1, score=0.9):
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(n, score, np.float32),
        np.full(n, label, np.int64),
        CLASSES,
    )


BIG, FAR, SMALL = (10, 10, 50, 50), (100, 10, 140, 50), (60, 10, 70, 20)


def test_hits_misses_and_false_alarms_are_counted():
    score = ClipScore("ice")
    score.add(0, _found(BIG, FAR), _truth(BIG))
    score.add(1, _found(), _truth(BIG))
    assert (score.hits, score.false_alarms, score.missed) == (1, 1, 1)
    assert (score.precision, score.recall) == (0.5, 0.5)
    assert (score.signs, score.signs_found) == ({0}, {0})
    assert score.best == (pytest.approx(0.9 * 40), 0)


def test_small_and_hidden_signs_count_neither_way():
    score = ClipScore("ice")
    score.add(0, _found(SMALL), _truth(SMALL))
    score.add(1, _found(), _truth(SMALL))
    score.add(2, _found(BIG), _truth(BIG, visible=0.1))
    assert (score.hits, score.false_alarms, score.missed) == (0, 0, 0)


def test_other_classes_do_not_count():
    score = ClipScore("ice")
    score.add(0, _found(BIG, label=0), _truth(FAR, leaf="stop"))
    assert (score.hits, score.false_alarms, score.missed) == (0, 0, 0)
    score.add(1, _found(FAR), _truth(FAR, leaf="stop"))
    assert score.false_alarms == 1
