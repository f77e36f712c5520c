"""Thresholds against plain arithmetic."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.adaptation.thresholds import (
    GREATEST,
    LEAST,
    QUIET,
    UNPROVEN,
    calibrate_by_frames,
    sure_where_untried,
    threshold,
)
from drivemeta.core import BankRows, ClassBank, ClassSpec
from tests.helpers.support import write_support


def test_a_threshold_lies_between_background_and_positives():
    positives, negatives = np.array([0.6, 0.7, 0.8]), np.array([0.01, 0.1, 0.2])
    found = threshold(positives.astype(np.float32), negatives.astype(np.float32))
    assert 0.2 < found < 0.65


@pytest.mark.parametrize("positives", [[], [0.0], [1.0, 1.0]])
@pytest.mark.parametrize("negatives", [[], [0.0], [1.0]])
def test_a_threshold_is_always_usable(positives, negatives):
    found = threshold(np.array(positives, np.float32), np.array(negatives, np.float32))
    assert LEAST <= found <= GREATEST


def test_a_threshold_is_the_geometric_mean_of_two_quantiles():
    positives, negatives = np.linspace(0, 1, 101), np.linspace(0, 0.5, 101)
    found = threshold(positives.astype(np.float32), negatives.astype(np.float32))
    # A quarter of the positives scores below 0.25, two in a hundred negatives above 0.49.
    assert found == pytest.approx((0.25 * 0.49) ** 0.5, abs=1e-6)


def test_two_false_alarms_in_a_hundred_are_borne():
    few, more = (np.array([0.01] * (100 - n) + [0.8] * n, np.float32) for n in (2, 4))
    positives = np.array([0.9], np.float32)
    assert threshold(positives, few) < 0.5 < threshold(positives, more)


def held(support, hits, alarms):
    """Return what would be found in held-out frames: the box, or something beside it."""
    found = {}
    for frame, image in enumerate(support.images):
        boxes = np.concatenate([image.boxes, image.boxes + 100]).astype(np.float32)
        scores = np.array([hits[frame], alarms[frame]], np.float32)
        found[frame] = (boxes, scores, np.array([1, 1]))
    return found


@pytest.mark.parametrize(
    ("hits", "alarms", "low", "high"),
    [
        ([0.8] * 6, [0.3, 0.2, 0.1, 0.1, 0.1, 0.1], 0.2, 0.8),  # one of six may be an alarm
        ([0.8] * 6, [0.5] * 6, 0.5, 0.8),
        ([0.8] * 6, [0.0] * 6, QUIET, 0.8),  # a few quiet frames prove little
    ],
)
def test_held_out_frames_set_the_threshold_of_things(tmp_path, hits, alarms, low, high):
    support = write_support(tmp_path, 6, "bus")
    bank = ClassBank(
        (ClassSpec("vehicle"), ClassSpec("bus", "vehicle", "novel")),
        BankRows.empty(4),
        BankRows.empty(4),
    )
    found = calibrate_by_frames(bank, support, held(support, hits, alarms), np.array([True]))
    assert found.classes[1].threshold == pytest.approx((low * high) ** 0.5, rel=1e-4)
    assert calibrate_by_frames(bank, support, {}, np.array([True])).classes == bank.classes
    same = calibrate_by_frames(bank, support, held(support, hits, alarms), np.array([False]))
    assert same.classes == bank.classes


def test_what_is_never_found_is_reported_only_when_sure(tmp_path):
    support = write_support(tmp_path, 5, "bus")
    bank = ClassBank(
        (ClassSpec("vehicle"), ClassSpec("bus", "vehicle", "novel")),
        BankRows.empty(4),
        BankRows.empty(4),
    )
    none = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    nothing = dict.fromkeys(range(5), none)
    found = calibrate_by_frames(bank, support, nothing, np.array([True]))
    assert found.classes[1].threshold == pytest.approx((QUIET * UNPROVEN) ** 0.5)


def test_what_new_rows_of_level_1_find_untried_is_reported_only_when_sure(tmp_path):
    support = write_support(tmp_path, 2, "bus")
    rows = BankRows(np.ones((2, 4), np.float32), np.zeros(2, np.float32), *np.array([[1, 2]] * 2))
    before = ClassBank((ClassSpec("vehicle"),), BankRows.empty(4), BankRows.empty(4))
    learnt = (
        ClassSpec("bus", None, "novel", threshold=0.05),
        ClassSpec("other", None, "novel", threshold=0.05),
    )
    bank = ClassBank((*before.classes, *learnt), rows, BankRows.empty(4))

    def thresholds(bank, before, held, classes=(True,)):
        found = sure_where_untried(bank, before, support, held, np.array(classes))
        return [spec.threshold for spec in found.classes[1:]]

    assert thresholds(bank, before, {}) == [UNPROVEN, 0.05]
    assert thresholds(bank.with_thresholds({"bus": 0.6}), before, {}) == [0.6, 0.05]
    assert thresholds(bank, before, {0: None}) == [0.05, 0.05]
    assert thresholds(bank, before, {}, (False,)) == [0.05, 0.05]
    assert thresholds(bank, bank, {}) == [0.05, 0.05]
    found_by_vehicles = replace(bank, dense=BankRows.empty(4))
    assert thresholds(found_by_vehicles, before, {}) == [0.05, 0.05]
