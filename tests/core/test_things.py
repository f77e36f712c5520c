"""Which embedding a super-class is known by, and how its crops are chosen and scored."""

from dataclasses import replace

import numpy as np

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.score_rule import Located, decide
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing

SCORING = Scoring(crop_power=1.0, thing_scale=30.0, thing_power=0.5, leaf_floor=0.0)
NAMES = ("vehicle", "traffic_sign", "bus", "stop", "cone")
PARENTS = (None, None, "vehicle", "traffic_sign", None)
EYE = np.eye(4, dtype=np.float32)
BANK = ClassBank(
    tuple(ClassSpec(name, parent) for name, parent in zip(NAMES, PARENTS, strict=True)),
    BankRows.empty(4),
    BankRows(
        EYE[[0, 1, 0, 1, 2, 3]],
        np.zeros(6, np.float32),
        np.array([2, 0, 3, 1, 4, -1]),
        np.array([0, 0, 1, 1, 4, 4]),
    ),
)


def decided(roots, scores, embeddings, scoring=SCORING):
    seen = []

    def embed(boxes, *, things):
        seen.append((things, len(boxes)))
        return np.stack([embeddings[int(box[0])] for box in boxes])

    n = len(roots)
    boxes = np.arange(n, dtype=np.float32)[:, None] + np.array([[0, 0, 5, 5]], np.float32)
    roots = np.array(roots, np.int64)
    located = Located(boxes, np.array(scores, np.float32), roots, roots, np.arange(n))
    found = decide(located, embed, BANK, scoring, np.full(len(NAMES), 0.01, np.float32))
    return found, seen


def test_signs_and_lights_are_no_things():
    names = ("vehicle", "traffic_light", "traffic_sign", "cone")
    assert is_thing(names, SCORING).tolist() == [True, False, False, True]
    assert not is_thing(names, Scoring()).any()


def test_each_super_class_is_seen_by_its_embedding():
    (_, _, labels), seen = decided([0, 1], [0.9, 0.8], EYE[[0, 0]])
    assert seen == [(False, 1), (True, 1)]
    assert sorted(labels.tolist()) == [2, 3]


def test_things_have_a_scale_and_a_weight_of_their_own():
    between = (EYE[0] + 0.9 * EYE[1]) / np.linalg.norm(EYE[0] + 0.9 * EYE[1])
    (_, scores, labels), _ = decided([0, 1], [0.9, 0.9], [between, between])
    gap = float(between[0] - between[1])
    of_thing = 0.9 * (1 / (1 + np.exp(-30.0 * gap))) ** 0.5
    of_sign = 0.9 * (1 / (1 + np.exp(-15.0 * gap)))
    found = dict(zip(labels.tolist(), scores.tolist(), strict=True))
    np.testing.assert_allclose([found[2], found[3]], [of_thing, of_sign], rtol=1e-5)


def test_a_new_kind_is_confirmed_or_doubted_by_its_own_rows():
    scoring = replace(SCORING, thing_parent_power=0.5)
    (_, scores, labels), seen = decided([4, 4], [0.8, 0.9], EYE[[2, 3]], scoring)
    assert labels.tolist() == [4]  # the other scores next to nothing
    np.testing.assert_allclose(scores, [0.8], atol=1e-3)
    assert seen == [(True, 2)]


def test_things_have_a_quota_of_their_own():
    _, seen = decided([1] * 40 + [0] * 40, np.linspace(1, 0.1, 80), np.tile(EYE[0], (80, 1)))
    assert seen == [(False, 32), (True, 8)]


def test_a_model_without_it_sees_all_by_one_embedding():
    _, seen = decided(
        [1] * 40 + [0] * 40, np.linspace(1, 0.1, 80), np.tile(EYE[0], (80, 1)), Scoring()
    )
    assert seen == [(False, 32)]


def test_the_eight_best_things_of_a_frame_are_looked_at():
    scores = np.linspace(0.9, 0.3, 12)
    (boxes, _, labels), seen = decided([0] * 12, scores, EYE[[0] * 12])
    assert seen == [(True, 8)]
    assert labels.tolist().count(2) == 8
    assert sorted(boxes[labels == 2][:, 0].tolist()) == list(range(8))


def test_super_classes_share_the_eight_by_quota():
    roots = [0] * 10 + [4] * 4
    scores = np.concatenate([np.linspace(0.9, 0.6, 10), np.linspace(0.5, 0.4, 4)])
    _, seen = decided(roots, scores, EYE[[0] * 10 + [3] * 4])
    assert seen == [(True, 8)]
