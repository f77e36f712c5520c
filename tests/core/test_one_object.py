"""Which of the boxes on one object is reported."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.one_object import flat_by_label, rival_weights, stands_alone
from drivemeta.core.score_rule import Located, decide
from drivemeta.core.scoring import Scoring

NAMES = ("vehicle", "pedestrian", "cyclist", "traffic_light", "traffic_sign", "red", "stop", "bus")
PARENTS = (None, None, None, None, None, "traffic_light", "traffic_sign", "vehicle")
ROOTS = np.array([0, 1, 2, 3, 4, 3, 4, 0])
FLAT = flat_by_label(NAMES, len(NAMES))
BOX = np.array([10, 10, 30, 50], np.float32)


def alone(*found, iou=0.65):
    """Judge (name, score, shift) triples on one place."""
    boxes = np.stack([BOX + shift for _, _, shift in found]).astype(np.float32)
    labels = np.array([NAMES.index(name) for name, _, _ in found])
    scores = np.array([score for _, score, _ in found], np.float32)
    return stands_alone(boxes, scores, labels, ROOTS[labels], FLAT, iou).tolist()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((("pedestrian", 0.5, 0), ("cyclist", 0.6, 1)), [False, True]),
        ((("pedestrian", 0.5, 0), ("cyclist", 0.6, 9)), [True, True]),
        ((("vehicle", 0.5, 0), ("bus", 0.6, 0)), [True, True]),  # suppressed within its root
        ((("red", 0.5, 0), ("stop", 0.4, 1)), [True, False]),
        ((("red", 0.5, 0), ("traffic_sign", 0.4, 1)), [True, True]),
        ((("traffic_light", 0.5, 0), ("traffic_sign", 0.4, 1)), [True, True]),
        ((("vehicle", 0.5, 0), ("stop", 0.4, 0)), [True, True]),
        # who is beaten by one that goes itself, stays
        ((("pedestrian", 0.5, 3), ("cyclist", 0.6, 1.5), ("vehicle", 0.7, 0)), [True, False, True]),
        ((("pedestrian", 0.5, 0), ("cyclist", 0.5, 0)), [True, False]),  # equals: the first
    ],
)
def test_the_better_of_two_rivals_is_reported(found, expected):
    assert alone(*found, iou=0.8 if len(found) == 3 else 0.65) == expected


def test_classes_that_come_later_are_things():
    assert flat_by_label(("traffic_sign", "a"), 4).tolist() == [True, False, False, False]


def test_a_cyclist_counts_for_more_and_what_comes_later_once():
    names = ("cyclist", "a")
    scoring = replace(Scoring(), cyclist_weight=1.5)
    assert rival_weights(names, 3, scoring).tolist() == [1.5, 1, 1]
    assert rival_weights(names, 3, Scoring()).tolist() == [1, 1, 1]


def decided(scoring, thresholds):
    bank = ClassBank(
        tuple(ClassSpec(n, p) for n, p in zip(NAMES, PARENTS, strict=True)),
        BankRows.empty(4),
        BankRows.empty(4),
    )
    labels = np.array([1, 2])
    boxes, scores = np.stack([BOX, BOX + 1]), np.array([0.6, 0.5], np.float32)
    located = Located(boxes, scores, labels, labels, np.arange(2))
    return decide(located, lambda boxes, *, things: boxes, bank, scoring, thresholds)[2].tolist()


def test_only_what_is_reported_takes_the_place_of_another():
    least = np.full(len(NAMES), 0.3, np.float32)
    assert decided(Scoring(), least) == [1]
    assert decided(replace(Scoring(), object_iou=1.0), least) == [1, 2]
    weighed = replace(Scoring(), cyclist_weight=1.25)
    assert decided(weighed, least) == [2]
    assert decided(replace(weighed, cyclist_weight=1.15), least) == [1]
    least[1] = 0.9
    assert decided(Scoring(), least) == [2]
