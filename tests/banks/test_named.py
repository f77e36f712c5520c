"""Named banks: on disk, and as distractors."""

import numpy as np
import pytest

from drivemeta.banks import named
from drivemeta.banks.distractors import distractors_for, without_near
from drivemeta.banks.named import (
    NamedBank,
    available_banks,
    load_bank,
    save_bank,
    with_named,
)
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.errors import InputError, ModelFileError, OutputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Let the shipped banks be those of an empty folder."""
    monkeypatch.setattr(named, "NAMED_BANKS", tmp_path)
    load_bank.cache_clear()
    yield tmp_path
    load_bank.cache_clear()


def bank(n: int = 6, parent: str = "traffic_sign") -> NamedBank:
    weights = np.eye(n, 8, dtype=np.float32)
    return NamedBank(parent, tuple(f"sign{i // 2}" for i in range(n)), weights)


def novel(index: int) -> BankRows:
    weights = np.eye(8, dtype=np.float32)[[index]]
    return BankRows(weights, np.zeros(1, np.float32), np.array([5]), np.array([4]))


def test_comes_back(folder):
    save_bank(folder / "signs.safetensors", bank())
    assert available_banks() == ("signs",)
    back = load_bank("signs")
    assert (back.parent, back.names) == (bank().parent, bank().names)
    np.testing.assert_allclose(back.weights, bank().weights, atol=1e-3)


def test_an_unknown_bank_suggests_the_nearest(folder):
    save_bank(folder / "signs.safetensors", bank())
    with pytest.raises(InputError, match="unknown bank 'sings'; did you mean 'signs'"):
        load_bank("sings")


def test_a_damaged_bank_is_told(folder):
    (folder / "signs.safetensors").write_bytes(b"no bank")
    with pytest.raises(ModelFileError, match=r"expected a bank .*signs\.safetensors"):
        load_bank("signs")


def test_an_unwritable_place_is_told(folder):
    (folder / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        save_bank(folder / "file" / "signs.safetensors", bank())


def test_distractors_are_unlike_the_new_class(folder):
    save_bank(folder / "signs.safetensors", bank())
    found = distractors_for("traffic_sign", novel(2), root=4, at_most=100)
    assert len(found) == 5
    assert (found.weights[:, 2] < 0.5).all()
    assert set(found.owners.tolist()) == {4}  # signs, but none of the new ones
    assert set(found.roots.tolist()) == {4}


def test_background_stays_background(folder):
    names = ("stop", "background", "background")
    save_bank(folder / "signs.safetensors", NamedBank("traffic_sign", names, np.eye(3, 8)))
    found = distractors_for("traffic_sign", novel(6), root=4, at_most=100)
    assert sorted(found.owners.tolist()) == [-1, -1, 4]


def super_classes() -> ClassBank:
    labels = np.arange(2)
    rows = BankRows(np.eye(2, 4, dtype=np.float32), np.zeros(2, np.float32), labels, labels)
    specs = (ClassSpec("vehicle"), ClassSpec("traffic_sign", threshold=0.4))
    return ClassBank(specs, rows, BankRows.empty(8))


def test_named_classes_become_leaves_at_the_threshold_of_their_parent():
    named = NamedBank("traffic_sign", ("stop", "stop", "yield", "background"), bank(4).weights)
    known = with_named(super_classes(), named)
    assert known.names == ("vehicle", "traffic_sign", "stop", "yield")
    assert known.classes[2] == ClassSpec("stop", "traffic_sign", "base", 0.4)
    assert known.crop.owners.tolist() == [2, 2, 3, 1]
    assert known.crop.roots.tolist() == [1] * 4
    again = with_named(known, NamedBank("traffic_sign", ("stop",), bank(1).weights))
    assert again.names == known.names
    assert again.crop.owners.tolist() == [2, 2, 3, 1, 2]


@pytest.mark.parametrize("named", [bank(parent="ship"), NamedBank("vehicle", ("a",), np.eye(1, 5))])
def test_a_bank_of_another_base_is_refused(named):
    with pytest.raises(ModelFileError, match="this bank names kinds of"):
        with_named(super_classes(), named)


def test_distractors_of_before_give_way_to_a_class_that_they_resemble():
    owners, roots = np.array([-1, 4, -1, -1, 3]), np.array([4, 4, 4, 0, 4])
    weights = np.eye(8, dtype=np.float32)[[2, 2, 5, 2, 2]]
    rows = BankRows(weights, np.zeros(5, np.float32), owners, roots)
    kept = without_near(rows, novel(2), root=4)
    assert kept.roots.tolist() == [4, 0, 4]
    assert kept.owners.tolist() == [-1, -1, 3]


@pytest.mark.parametrize(("parent", "at_most", "n"), [("vehicle", 9, 0), ("traffic_sign", 2, 2)])
def test_no_more_distractors_than_there_is_room_for(folder, parent, at_most, n):
    save_bank(folder / "signs.safetensors", bank())
    assert len(distractors_for(parent, novel(7), 4, at_most)) == n
