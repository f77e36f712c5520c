"""Banks merged, classes removed and renamed."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.banks.edit import merge_banks, remove_classes, rename_classes
from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec
from drivemeta.errors import InputError

ROOTS = (ClassSpec("vehicle"), ClassSpec("sign"))
STATE = ClassSpec("truck", "vehicle", "base", 0.4)


def rows(n, owners, roots, seed):
    weights = np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return BankRows(
        weights, np.zeros(n, np.float32), np.array(owners, np.int64), np.array(roots, np.int64)
    )


DENSE = rows(2, [0, 1], [0, 1], 0)
SHARED = rows(2, [2, 0], [0, 0], 1)  # truck, and "a vehicle, but no truck"


def adapted(name, seed, **spec):
    """Return the base's bank with a sign of one name, two rows of it and a distractor."""
    own = rows(3, [3, 3, DISTRACTOR], [1, 1, 1], seed)
    novel = ClassSpec(name, "sign", "novel", **spec)
    return ClassBank((*ROOTS, STATE, novel), DENSE, SHARED + own)


def weights_of(bank, name):
    return bank.crop.weights[bank.crop.owners == bank.index(name)]


def test_a_merged_bank_holds_the_classes_of_both_and_shared_rows_once():
    first, second = adapted("rocks", 5, shots=5), adapted("ice", 6, threshold=0.6)
    merged = merge_banks(first, second)
    assert merged.names == ("vehicle", "sign", "truck", "rocks", "ice")
    assert merged.classes[3:] == (first.classes[3], second.classes[3])
    assert len(merged.dense) == 2
    assert len(merged.crop) == 2 + 3 + 3
    for bank, name in ((first, "rocks"), (second, "ice"), (first, "truck")):
        np.testing.assert_array_equal(weights_of(merged, name), weights_of(bank, name))


def test_labels_of_the_second_follow_its_classes_wherever_they_stand():
    first = adapted("rocks", 5)
    second = adapted("ice", 6)
    swapped = ClassBank(
        (ROOTS[1], ROOTS[0], *second.classes[2:]),
        replace(DENSE, owners=np.array([1, 0]), roots=np.array([1, 0])),
        replace(
            second.crop,
            owners=np.array([2, 1, 3, 3, DISTRACTOR]),
            roots=np.array([1, 1, 0, 0, 0]),
        ),
    )
    merged, expected = merge_banks(first, swapped), merge_banks(first, second)
    assert merged.names == expected.names
    for level in ("dense", "crop"):
        for field in ("weights", "owners", "roots"):
            mine, theirs = (getattr(getattr(b, level), field) for b in (merged, expected))
            np.testing.assert_array_equal(mine, theirs)


def test_a_distractor_that_is_a_class_of_the_other_goes():
    first, second = adapted("rocks", 5), adapted("ice", 6)
    like_rocks = weights_of(first, "rocks")[:1]
    spoilt = replace(second, crop=second.crop + replace(rows(1, [-1], [1], 9), weights=like_rocks))
    for merged in (merge_banks(first, spoilt), merge_banks(spoilt, first)):
        same = (merged.crop.weights == like_rocks).all(1)
        assert merged.crop.owners[same].tolist() == [merged.index("rocks")]
        assert (merged.crop.owners == DISTRACTOR).sum() == 2


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"class of their own called rocks; rename"):
        merge_banks(adapted("rocks", 5), adapted("rocks", 6))
    named_like_a_base_class = ClassBank(
        (*ROOTS, ClassSpec("truck", "vehicle", "novel")), DENSE, SHARED
    )
    with pytest.raises(InputError, match="truck"):
        merge_banks(adapted("rocks", 5), named_like_a_base_class)


def test_a_shared_class_of_another_super_class_is_refused():
    other = ClassBank((*ROOTS, ClassSpec("truck", "sign")), DENSE, BankRows.empty(16))
    with pytest.raises(InputError, match="kind of 'vehicle' in the first model and of 'sign'"):
        merge_banks(adapted("rocks", 5), other)


def test_removing_a_class_that_was_merged_gives_back_the_first():
    first, second = adapted("rocks", 5), adapted("ice", 6)
    merged = merge_banks(first, second)
    back = remove_classes(merged, ["ice"])
    assert back.classes == first.classes
    np.testing.assert_array_equal(weights_of(back, "rocks"), weights_of(first, "rocks"))
    assert (back.crop.owners == DISTRACTOR).sum() == 2  # distractors of both stay


def test_a_super_class_goes_with_its_leaves_and_distractors_only():
    bank = adapted("rocks", 5)
    with pytest.raises(InputError, match="'rocks' is a kind of it"):
        remove_classes(bank, ["sign"])
    left = remove_classes(bank, ["sign", "rocks"])
    assert left.names == ("vehicle", "truck")
    assert left.crop.owners.tolist() == [1, 0]
    assert left.crop.roots.tolist() == [0, 0]
    assert len(left.dense) == 1


def test_the_last_super_class_stays():
    with pytest.raises(InputError, match="at least one class"):
        remove_classes(adapted("rocks", 5), ["vehicle", "sign", "truck", "rocks"])


def test_leaves_follow_a_super_class_that_is_renamed():
    bank = rename_classes(adapted("rocks", 5), {"vehicle": "car", "rocks": "falling_rocks"})
    assert bank.names == ("car", "sign", "truck", "falling_rocks")
    assert bank.classes[2].parent == "car"


def test_names_can_be_swapped():
    bank = rename_classes(adapted("rocks", 5), {"rocks": "truck", "truck": "rocks"})
    assert bank.names == ("vehicle", "sign", "rocks", "truck")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"rokcs": "x"}, "no class 'rokcs'; did you mean 'rocks'"),
        ({"rocks": "truck"}, "already has truck"),
        ({"rocks": " "}, "empty"),
    ],
)
def test_names_that_cannot_be(names, message):
    with pytest.raises(InputError, match=message):
        rename_classes(adapted("rocks", 5), names)


def test_removing_what_is_not_there():
    with pytest.raises(InputError, match="no class 'snow'"):
        remove_classes(adapted("rocks", 5), ["snow"])
