"""Rows of things that tell a kind from the ordinary ones."""

from dataclasses import replace

import numpy as np

from drivemeta.banks.contrast import Contrast, contrasted
from drivemeta.banks.replay import ThingReplay
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec

DIM = 6
RNG = np.random.default_rng(0)
# Things of one kind vary much along the first axis, and little along the others.
SPREAD = np.array([1.0, 0.1, 0.1, 0.1, 0.1, 0.1])
CENTRES = np.zeros((3, DIM))
CENTRES[0, 1], CENTRES[1, 2], CENTRES[2, 3] = 1, 1, 1
THINGS = np.concatenate([c + SPREAD * RNG.normal(size=(300, DIM)) for c in CENTRES])
REPLAY = ThingReplay(
    ("car", "tram", "person"),
    ("vehicle", "vehicle", "pedestrian"),
    THINGS.astype(np.float32),
    np.arange(900) // 300,
)
NOTHING = np.zeros((0, DIM), np.float32)
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
    assert 0.94 < below_it.mean() < 0.96


def test_a_kind_competes_with_the_other_kinds_of_its_super_class_and_anything_else():
    bank = contrasted(BANK, learnt(CENTRES[1], 1, 0), 0, REPLAY, NOTHING)  # as the shipped tram
    weights, biases, owners = below(bank, 0)
    assert sorted(owners.tolist()) == [0, 0, 1]  # car, anything else, bus
    nothing = ~weights.any(1)
    assert nothing.sum() == 1
    assert biases[nothing] == 0
    assert owners[nothing] == 0
    logits = CENTRES[:2] @ weights.T - biases
    assert owners[logits.argmax(1)].tolist() == [0, 1]


def test_a_new_kind_of_object_competes_with_all_things_as_background():
    bank = contrasted(BANK, learnt([0, 0, 0, 0, 0, 1], 2, 2), 2, REPLAY, NOTHING)
    weights, biases, owners = below(bank, 2)
    assert sorted(owners.tolist()) == [DISTRACTOR] * 4 + [2]
    points = np.concatenate([CENTRES, [[0, 0, 0, 0, 0, 1.0]]])
    logits = points @ weights.T - biases
    assert owners[logits.argmax(1)].tolist() == [DISTRACTOR] * 3 + [2]


def test_shots_added_later_take_the_place_of_what_is_like_them():
    first = contrasted(BANK, learnt([0, 0, 0, 0, 0, 1], 1, 0), 0, REPLAY, NOTHING)
    n_rows = len(first.crop)
    later = contrasted(
        first, learnt(CENTRES[1], 1, 0), 0, REPLAY, NOTHING
    )  # the tram goes, a row comes
    assert len(later.crop) == n_rows
    assert (below(later, 0)[2] == 1).sum() == 2


def test_a_kind_that_ships_under_the_name_votes_for_the_class_if_its_shots_agree():
    named = replace(BANK, classes=(*BANK.classes, ClassSpec("Tram", "vehicle", "novel")))
    for mean, n_rows in ((CENTRES[1], 2), (-CENTRES[1], 1)):
        owners = below(contrasted(named, learnt(mean, 3, 0), 0, REPLAY, NOTHING), 0)[2]
        assert (owners == 3).sum() == n_rows
    owners = below(contrasted(BANK, learnt(CENTRES[1], 1, 0), 0, REPLAY, NOTHING), 0)[2]
    assert (owners == 1).sum() == 1  # of another name: it only does not compete


def test_what_is_around_is_left_alone_too():
    around = (CENTRES[0] + [0, 0, 0, 0, 0, 0.9] + SPREAD * RNG.normal(size=(40, DIM))).astype(
        np.float32
    )
    rows = learnt([0, 0, 0, 0, 0, 1], 1, 0)
    for seen, most in ((around, 0.06), (around[:5], 1)):
        weights, biases, owners = below(contrasted(BANK, rows, 0, REPLAY, seen), 0)
        own = owners == 1
        taken = (seen @ weights[own].T > biases[own]).mean()
        assert taken <= most
    assert taken > 0.5  # five say too little


def test_rows_are_as_wide_as_those_of_the_bank():
    wide = ClassBank(BANK.classes, BankRows.empty(DIM), BankRows.empty(DIM + 4))
    rows = learnt(np.pad(CENTRES[1], (0, 4)), 1, 0)
    found = contrasted(wide, rows, 0, REPLAY, NOTHING).crop.weights
    assert found.shape[1] == DIM + 4
    assert not found[:, DIM:].any()
