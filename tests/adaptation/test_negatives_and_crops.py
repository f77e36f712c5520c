"""Frames of false alarms mend them; plain crops teach level 2 alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.evidence import SeenNegatives
from drivemeta.adaptation.hard_negatives import add_hard_negatives
from drivemeta.adaptation.observation import observe
from drivemeta.core import ClassSpec
from drivemeta.core.score_rule import class_probabilities
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.models.traced.proposals import propose

REPORTED = ClassSpec("any").threshold


def with_lookalike(evidence, base, *, sure):
    """Return evidence with one more negative, which looks just like the first support box."""
    task, root = evidence.embedded, base.bank.index("traffic_sign")
    seen = evidence.negatives
    return replace(
        evidence,
        embedded=replace(task, negatives=torch.cat([task.negatives, task.images[:1]])),
        negatives=SeenNegatives(
            frames=np.append(seen.frames, 0),
            scores=np.append(seen.scores, 0.5).astype(np.float32),
            roots=np.append(seen.roots, root),
            sure=np.append(seen.sure, sure),
            boxes=np.concatenate([seen.boxes, np.zeros((1, 4), np.float32)]),
        ),
    )


@pytest.mark.parametrize("sure", [False, True])
def test_what_surely_is_something_else_stands_against_a_class(lively_detector, make_support, sure):
    adapted = adapt(lively_detector, make_support(3, "rocks"), parent="traffic_sign")
    evidence = with_lookalike(adapted.record.evidence, lively_detector, sure=sure)
    before = adapted.detector.bank
    after = add_hard_negatives(before, evidence, adapted.record.parents, lively_detector.scoring)
    root, label = before.index("traffic_sign"), before.index("rocks")
    lookalike = evidence.embedded.negatives[-1:].numpy()
    old, new = (
        class_probabilities(lookalike, np.array([root]), bank, lively_detector.scoring)[0, label]
        for bank in (before, after)
    )
    assert old > 0.5
    assert new < 0.5 if sure else new == old


def test_frames_of_negatives_and_exhaustive_ones_leave_no_doubt(
    lively_detector, make_support, tmp_path
):
    support = make_support(2, "rocks")
    frame = tmp_path / "false_alarm.png"
    cv2.imwrite(str(frame), cv2.flip(cv2.imread(str(support.images[0].path)), 1))
    seen = observe(lively_detector, support, [frame])
    np.testing.assert_array_equal(seen.negatives.sure, seen.negatives.frames == 2)
    assert seen.negatives.sure.any()
    assert not seen.negatives.sure.all()
    assert observe(lively_detector, support, exhaustive=True).negatives.sure.all()


def best_in(detector, frame, name):
    """Return the greatest score of a class of level 1 in a frame."""
    found = propose(detector, frame, 0.0)
    own = found.scores[found.labels == detector.bank.index(name)]
    return float(own.max(initial=0))


def test_a_new_kind_of_object_is_held_back_where_negatives_show_its_like(
    lively_detector, make_support, tmp_path
):
    support, path = make_support(2, "rocks"), tmp_path / "false_alarm.png"
    frame = cv2.flip(cv2.imread(str(support.images[0].path)), 1)
    cv2.imwrite(str(path), frame)
    without, beside = (
        adapt(lively_detector, support, parent="none", negatives=negatives).detector
        for negatives in ((), [path])
    )
    assert best_in(without, frame, "rocks") > REPORTED
    assert best_in(beside, frame, "rocks") < REPORTED


@pytest.fixture
def crops(make_support, tmp_path):
    support = make_support(3, "rocks", "ice")
    for i, image in enumerate(support.images):
        name = support.classes[image.labels[0]]
        x1, y1, x2, y2 = image.boxes[0].astype(int)
        folder = tmp_path / "crops" / name
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.imread(str(image.path))[y1:y2, x1:x2])
    return SupportSet.from_path(tmp_path / "crops")


def test_crops_teach_level_2_alone(lively_detector, crops):
    adapted = adapt(lively_detector, crops)
    bank = adapted.detector.bank
    assert len(bank.dense) == len(lively_detector.bank.dense)
    for report in adapted.classes:
        assert (report.parent, report.found) == ("traffic_sign", None)
        assert report.low_confidence
        assert 0.1 < report.threshold < 0.5
        assert (bank.crop.owners == bank.index(report.name)).any()


def test_crops_teach_what_scenes_do(lively_detector, crops, make_support):
    scenes = adapt(lively_detector, make_support(3, "rocks", "ice"), parent="traffic_sign")
    alone = adapt(lively_detector, crops, parent="traffic_sign")
    for label in range(2):
        index = crops.classes.index(scenes.record.support.classes[label])
        one, two = (
            task.images[task.labels == own].mean(0)
            for task, own in (
                (scenes.record.evidence.embedded, label),
                (alone.record.evidence.embedded, index),
            )
        )
        assert float(one @ two / one.norm() / two.norm()) > 0.8


def test_a_super_class_cannot_be_extended_by_crops(lively_detector, tmp_path):
    (tmp_path / "vehicle").mkdir()
    cv2.imwrite(str(tmp_path / "vehicle" / "a.png"), np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(InputError, match="'vehicle' is a super-class"):
        adapt(lively_detector, SupportSet.from_path(tmp_path))
