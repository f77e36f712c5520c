import numpy as np

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.score_rule import DenseArrays, Located, class_probabilities, decide, locate
from drivemeta.core.scoring import Scoring

CLASSES = (
    ClassSpec("sign"),
    ClassSpec("car"),
    ClassSpec("stop", "sign", "novel"),
    ClassSpec("yield", "sign", "novel"),
)
EYE = np.eye(4, dtype=np.float32)
DENSE = BankRows(EYE[:2], np.zeros(2, np.float32), np.array([0, 1]), np.array([0, 1]))
CROP = BankRows(
    EYE[[0, 0, 1, 2]], np.zeros(4, np.float32), np.array([2, 2, 3, -1]), np.zeros(4, np.int64)
)
BANK = ClassBank(CLASSES, DENSE, CROP)
SCORING = Scoring(leaf_floor=0.3, crop_power=0.5, parent_power=0.0)


def located(scores, labels):
    n = len(scores)
    boxes = np.arange(4 * n, dtype=np.float32).reshape(n, 4)
    labels = np.array(labels, np.int64)
    return Located(boxes, np.array(scores, np.float32), labels, labels, np.arange(n))


def decided(embedding, scores=(0.9, 0.5), labels=(0, 1), thresholds=(0.3, 0.3, 0.3, 0.3)):
    def embed(boxes, *, things):
        return np.tile(np.asarray(embedding, np.float32), (len(boxes), 1))

    found = located(scores, labels)
    return decide(found, embed, BANK, SCORING, np.array(thresholds, np.float32))


def test_a_sure_leaf_names_the_box_and_other_roots_keep_theirs():
    _, scores, labels = decided(EYE[0])
    assert labels.tolist() == [2, 1]
    assert np.allclose(scores, [0.9, 0.5], atol=1e-3)


def test_a_distractor_leaves_the_parent():
    assert decided(EYE[2])[2].tolist() == [0, 1]


def test_a_row_of_the_root_leaves_the_parent_and_its_score():
    rows = BankRows(EYE[[0, 1, 2]], np.zeros(3, np.float32), np.array([2, 0, -1]), np.zeros(3, int))
    bank = ClassBank(CLASSES, DENSE, rows)
    scoring = Scoring(leaf_floor=0.3, parent_power=1.0)
    for embedding, expected in ((EYE[1], 0.9), (EYE[2], 0.0)):  # another sign, background
        _, scores, labels = decide(
            located((0.9,), (0,)),
            lambda _, *, things, e=embedding: e[None],
            bank,
            scoring,
            np.zeros(4),
        )
        assert labels.tolist() == [0]
        np.testing.assert_allclose(scores, [expected], atol=1e-3)


def test_a_leaf_below_its_threshold_leaves_the_parent():
    assert decided(EYE[1], thresholds=(0.3, 0.3, 0.3, 0.95))[2].tolist() == [0, 1]


def test_what_passes_no_threshold_is_dropped():
    boxes, scores, labels = decided(EYE[1], thresholds=(0.95, 0.6, 0.3, 0.95))
    assert (len(boxes), len(scores), len(labels)) == (0, 0, 0)


def test_boxes_are_mapped_to_the_frame_scored_and_suppressed():
    dense = DenseArrays(
        np.array([[0, 0, 32, 32], [0, 0, 32, 31], [40, 0, 999, 64], [-9, 0, 0, 9]], np.float32),
        np.array([2, 1, 0, 3], np.float32),
        EYE[[0, 0, 1, 1]],
    )
    found = locate(dense, BANK, SCORING, frame_hw=(128, 256), input_hw=(64, 128))
    votes = [0.5 * (1 + np.exp(-2)) ** -0.5, (31 / 32 - 0.5) * (1 + np.exp(-1)) ** -0.5]
    bottom = np.average([64, 62], weights=votes)
    np.testing.assert_allclose(found.boxes, [[0, 0, 64, bottom], [80, 0, 256, 128]], rtol=1e-5)
    assert found.labels.tolist() == [0, 1]
    p = 1 / (1 + np.exp(-20.0))
    assert np.allclose(found.scores[1], p**0.5 * 0.5**0.5)


def test_class_probabilities_are_a_softmax_over_the_rows_of_one_root():
    scoring = Scoring(crop_scale=2.0)
    found = class_probabilities(EYE[[0, 2]], np.zeros(2, np.int64), BANK, scoring)
    # Two rows of class 2 at cosine 1, one of class 3 and a distractor at cosine 0.
    high, low = np.e**2, 1.0
    expected = [
        [0, 0, 2 * high / (2 * high + 2), low / (2 * high + 2)],
        [0, 0, 2 * low / (high + 3), low / (high + 3)],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
