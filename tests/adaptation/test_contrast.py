"""Rows of things that tell a kind from the ordinary ones."""

import numpy as np

from drivemeta.adaptation.contrast import Contrast, contrasted
from drivemeta.banks.replay import Replay
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec

DIM = 6
RNG = np.random.default_rng(0)
# Things of one kind vary much along the first axis, and little along the others.
SPREAD = np.array([1.0, 0.1, 0.1, 0.1, 0.1, 0.1])
CENTRES = np.zeros((3, DIM))
CENTRES[0, 1], CENTRES[1, 2], CENTRES[2, 3] = 1, 1, 1
THINGS = np.concatenate([c + SPREAD * RNG.normal(size=(300, DIM)) for c in CENTRES])
REPLAY = Replay(
    ("car", "coach", "person"),
    ("vehicle", "vehicle", "pedestrian"),
    THINGS.astype(np.float32),
    np.arange(900) // 300,
)
BANK = ClassBank(
    (ClassSpec("vehicle"), ClassSpec("bus", "vehicle", "novel"), ClassSpec("cone", None, "novel")),
    BankRows.empty(DIM),
    BankRows.empty(DIM),
)


def learnt(mean, owner, root):
    weights = np.array([mean], np.float32)
    return BankRows(weights, np.zeros(1, np.float32), np.array([owner]), np.array([root]))


def below(bank, root):
    rows = bank.crop
    mine = rows.roots == root
    return rows.weights[mine], rows.biases[mine], rows.owners[mine]


def test_a_row_looks_where_things_of_one_kind_do_not_vary():
    contrast = Contrast.of(REPLAY, "vehicle")
    weights, biases = contrast.rows(np.array([[2.0, 0, 0, 0, 1, 0]], np.float32))
    assert abs(weights[0, 4]) > 2 * abs(weights[0, 0])
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1, rtol=1e-5)
    below_it = contrast.things @ weights[0] < biases[0]
    assert 0.97 < below_it.mean() < 0.99


def test_a_kind_competes_with_the_other_kinds_of_its_super_class_and_anything_else():
    bank = contrasted(BANK, learnt(CENTRES[1], 1, 0), 0, REPLAY)  # as the shipped coach
    weights, biases, owners = below(bank, 0)
    assert sorted(owners.tolist()) == [0, 0, 1]  # car, anything else, bus
    nothing = ~weights.any(1)
    assert nothing.sum() == 1
    assert biases[nothing] == 0
    assert owners[nothing] == 0
    logits = CENTRES[:2] @ weights.T - biases
    assert owners[logits.argmax(1)].tolist() == [0, 1]


def test_a_new_kind_of_object_competes_with_all_things_as_background():
    bank = contrasted(BANK, learnt([0, 0, 0, 0, 0, 1], 2, 2), 2, REPLAY)
    weights, biases, owners = below(bank, 2)
    assert sorted(owners.tolist()) == [DISTRACTOR] * 4 + [2]
    points = np.concatenate([CENTRES, [[0, 0, 0, 0, 0, 1.0]]])
    logits = points @ weights.T - biases
    assert owners[logits.argmax(1)].tolist() == [DISTRACTOR] * 3 + [2]


def test_shots_added_later_take_the_place_of_what_is_like_them():
    first = contrasted(BANK, learnt([0, 0, 0, 0, 0, 1], 1, 0), 0, REPLAY)
    n_rows = len(first.crop)
    later = contrasted(first, learnt(CENTRES[1], 1, 0), 0, REPLAY)  # the coach goes, a row comes
    assert len(later.crop) == n_rows
    assert (below(later, 0)[2] == 1).sum() == 2


def test_rows_are_as_wide_as_those_of_the_bank():
    wide = ClassBank(BANK.classes, BankRows.empty(DIM), BankRows.empty(DIM + 4))
    rows = learnt(np.pad(CENTRES[1], (0, 4)), 1, 0)
    found = contrasted(wide, rows, 0, REPLAY).crop.weights
    assert found.shape[1] == DIM + 4
    assert not found[:, DIM:].any()
