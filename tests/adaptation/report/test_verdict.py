"""Whether a class is fit for use, told from frames that were held out."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.held_frames import hold_frames_out
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.verdict import verdicts
from tests.helpers.support import write_support


@pytest.fixture(scope="module")
def adapted(lively_detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("support")
    return adapt(lively_detector, write_support(folder, 4, "rocks"), parent="traffic_sign")


def judged(adapted, held):
    (verdict,) = verdicts(adapted, diagnose_support(adapted), held)
    return verdict


def found_in_each(adapted, n_hits, n_alarms):
    """Return what would be found if so many frames gave a hit, and each so many false alarms."""
    bank = adapted.detector.bank
    label, held = bank.index("rocks"), {}
    for frame, image in enumerate(adapted.record.support.images):
        hits = image.boxes[: frame < n_hits]
        alarms = np.tile(np.array([[150, 100, 180, 130]], np.float32), (n_alarms, 1))
        boxes = np.concatenate([hits, alarms])
        scores = np.full(len(boxes), bank.classes[label].threshold + 0.01, np.float32)
        held[frame] = (boxes, scores, np.full(len(boxes), label))
    return held


@pytest.mark.parametrize(
    ("n_hits", "n_alarms", "grade"),
    [
        (4, 0, "good"),
        (3, 0, "good"),
        (2, 0, "doubtful"),
        (1, 0, "do not use"),
        (4, 1, "doubtful"),
        (4, 2, "do not use"),
    ],
)
def test_a_class_is_judged_by_hits_and_false_alarms(adapted, n_hits, n_alarms, grade):
    verdict = judged(adapted, found_in_each(adapted, n_hits, n_alarms))
    assert (verdict.grade, verdict.n_found, verdict.n_boxes) == (grade, n_hits, 4)
    assert verdict.n_false_alarms == 4 * n_alarms
    assert f"{n_hits} of 4 held-out boxes found, {4 * n_alarms} false alarms" in verdict.line


def test_what_scores_below_the_threshold_is_not_found(adapted):
    held = {
        frame: (boxes, scores - 0.02, labels)
        for frame, (boxes, scores, labels) in found_in_each(adapted, 4, 1).items()
    }
    verdict = judged(adapted, held)
    assert (verdict.n_found, verdict.n_false_alarms) == (0, 0)


def test_false_alarms_lead_to_negatives_unless_there_are_some(adapted):
    held = found_in_each(adapted, 4, 2)
    assert "--negatives" in judged(adapted, held).line
    negatives = adapted.record.evidence.negatives
    sure = replace(negatives, sure=np.ones(len(negatives), np.bool_))
    evidence = replace(adapted.record.evidence, negatives=sure)
    told = replace(adapted, record=replace(adapted.record, evidence=evidence))
    assert "--negatives" not in judged(told, held).line


def test_shots_that_level_1_misses_are_told(adapted):
    evidence = adapted.record.evidence
    boxes = replace(evidence.boxes, found=np.zeros(4, np.float32))
    record = replace(adapted.record, evidence=replace(evidence, boxes=boxes))
    line = judged(replace(adapted, record=record), found_in_each(adapted, 1, 0)).line
    assert "level 1 proposes only 0 of its 4 boxes" in line
    assert "--parent none" in line


def test_at_most_so_many_frames_are_held_out(adapted):
    record = adapted.record
    learning = RowLearning(record.base, record.evidence, record.rows)
    assert list(hold_frames_out(learning, record.parents, at_most=2)) == [0, 3]
    assert list(record.frames_held) == [0, 1, 2, 3]
