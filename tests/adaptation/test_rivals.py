"""What a new kind of thing competes with."""

import numpy as np

from drivemeta.adaptation.rivals import SAME_THING, rival_rows, same_kinds
from drivemeta.banks.replay import Replay
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec

EYE = np.eye(6, dtype=np.float32)
REPLAY = Replay(
    ("car", "coach", "person"),
    ("vehicle", "vehicle", "pedestrian"),
    EYE[[0, 1, 2]],
    np.arange(3),
)
BANK = ClassBank(
    (ClassSpec("vehicle"), ClassSpec("bus", "vehicle", "novel"), ClassSpec("cone", None, "novel")),
    BankRows.empty(6),
    BankRows.empty(6),
)
NOTHING = np.zeros((0, 6), np.float32)


def rows(vector, owner, root):
    return BankRows(vector[None], np.zeros(1, np.float32), np.array([owner]), np.array([root]))


def test_a_kind_competes_with_those_of_its_super_class_except_its_own():
    bus = rows(EYE[1], 1, 0)  # as the shipped coach
    found = rival_rows(BANK, bus, 0, REPLAY, NOTHING)
    np.testing.assert_array_equal(found.weights, EYE[[0]])
    assert (found.owners.tolist(), found.roots.tolist()) == ([0], [0])
    assert same_kinds(bus.weights, REPLAY).tolist() == [False, True, False]


def test_a_new_kind_of_object_competes_with_all_things_as_background():
    found = rival_rows(BANK, rows(EYE[5], 2, 2), 2, REPLAY, NOTHING)
    np.testing.assert_array_equal(np.sort(found.weights.argmax(1)), [0, 1, 2])
    assert set(found.owners.tolist()) == {DISTRACTOR}
    assert set(found.roots.tolist()) == {2}


def test_what_stands_around_competes_unless_it_may_be_the_same():
    near = SAME_THING * EYE[5] + np.sqrt(1 - SAME_THING**2) * EYE[4]
    around = np.stack([near * 1.0001, EYE[3]]).astype(np.float32)
    found = rival_rows(BANK, rows(EYE[5], 1, 0), 0, REPLAY, around)
    np.testing.assert_allclose(found.weights[-1], EYE[3])
    assert len(found) == 3


def test_rows_are_as_wide_as_those_of_the_bank():
    wide = np.pad(EYE[5], (0, 4))
    found = rival_rows(BANK, rows(wide, 1, 0), 0, REPLAY, np.zeros((0, 10), np.float32))
    assert found.weights.shape == (2, 10)
