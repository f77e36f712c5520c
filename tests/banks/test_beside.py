"""A named bank beside the classes of an adapted model."""

import numpy as np
import pytest

from drivemeta.banks.beside import YIELD, named_beside
from drivemeta.banks.named import NamedBank
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec
from drivemeta.core.score_rule import name_leaves
from drivemeta.core.scoring import Scoring
from drivemeta.errors import InputError, ModelFileError

DIM = 12
UNIT = np.eye(DIM, dtype=np.float32)


def near(index: int, cosine: float) -> np.ndarray:
    """Return a unit vector of a cosine with an axis, and with no other but the last."""
    return cosine * UNIT[index] + np.sqrt(1 - cosine**2) * UNIT[DIM - 1]


def adapted(*more: tuple[np.ndarray, int], own="rocks", parent="sign") -> ClassBank:
    """Return the bank of a model with a class of its own on axis 0, and more rows with owners."""
    labels = np.arange(2)
    dense = BankRows(np.eye(2, 4, dtype=np.float32), np.zeros(2, np.float32), labels, labels)
    specs = (ClassSpec("vehicle"), ClassSpec("sign", threshold=0.4))
    specs += (ClassSpec(own, parent, "novel", 0.6, shots=5),)
    rows = [(UNIT[0], 2), *more]
    crop = BankRows(
        np.array([row for row, _ in rows], np.float32),
        np.zeros(len(rows), np.float32),
        np.array([owner for _, owner in rows], np.int64),
        np.full(len(rows), 1, np.int64),
    )
    return ClassBank(specs, dense, crop)


def signs(**rows: np.ndarray) -> NamedBank:
    return NamedBank("sign", tuple(rows), np.array(list(rows.values()), np.float32))


def test_shipped_names_come_after_the_models_own_which_stay():
    bank = adapted()
    both, notes = named_beside(bank, signs(ice=UNIT[1], background=UNIT[2]))
    assert both.names == ("vehicle", "sign", "rocks", "ice")
    assert both.classes[:3] == bank.classes
    assert both.classes[3] == ClassSpec("ice", "sign", "base", 0.4)
    assert both.crop.owners.tolist() == [2, 3, 1]
    assert not notes


def test_a_class_of_both_is_the_models_own():
    both, notes = named_beside(adapted(), signs(rocks=UNIT[3], ice=UNIT[1]))
    assert both.names == ("vehicle", "sign", "rocks", "ice")
    np.testing.assert_array_equal(both.crop.weights[both.crop.owners == 2], UNIT[:1])
    assert notes == ["named as the model learnt them, not as shipped: rocks"]


def test_what_looks_like_a_class_of_the_model_takes_no_box_of_it():
    given = signs(falling=near(0, 0.85), ice=near(0, 0.75), background=near(0, 0.9))
    both, notes = named_beside(adapted(), given)
    assert both.names == ("vehicle", "sign", "rocks", "ice")
    assert both.crop.owners.tolist() == [2, 3, 1]
    assert notes == ["not named, being too like classes of the model: falling"]


def test_what_stood_for_something_else_goes_where_it_has_a_name_now():
    bank = adapted((UNIT[1], 1), (near(1, 0.7), DISTRACTOR), (UNIT[2], 1), (near(1, 0.5), 1))
    both, _ = named_beside(bank, signs(ice=UNIT[1], background=UNIT[2]))
    assert both.crop.owners.tolist() == [2, 1, 1, 3, 1]


def test_a_shipped_class_yields_where_the_models_own_is_nearly_as_near():
    named = signs(ice=UNIT[1], background=UNIT[2])
    both, _ = named_beside(adapted(), named)
    assert both.crop.biases.tolist() == pytest.approx([0, YIELD, 0])
    between = 0.70 * UNIT[:1] + 0.74 * UNIT[1:2]  # nearer to ice
    root = np.array([1])
    leaf, _, _ = name_leaves(between / np.linalg.norm(between), root, both, Scoring())
    assert both.names[leaf[0]] == "rocks"
    leaf, _, _ = name_leaves(UNIT[1:2], root, both, Scoring())
    assert both.names[leaf[0]] == "ice"
    vehicles = NamedBank("vehicle", ("bus",), UNIT[3:4])  # beside no class of the model's own
    assert not named_beside(adapted(), vehicles)[0].crop.biases.any()


@pytest.mark.parametrize(
    "bank", [adapted(own="ice", parent=None), adapted(own="ice", parent="vehicle")]
)
def test_a_name_that_means_another_thing_is_refused(bank):
    with pytest.raises(InputError, match=r"own class 'ice' is no kind of sign.*bank rename"):
        named_beside(bank, signs(ice=UNIT[1]))


@pytest.mark.parametrize(
    "named", [NamedBank("ship", ("a",), UNIT[:1]), NamedBank("sign", ("a",), UNIT[:1, :5])]
)
def test_a_bank_of_another_base_is_refused(named):
    with pytest.raises(ModelFileError, match="this bank names kinds of"):
        named_beside(adapted(), named)
