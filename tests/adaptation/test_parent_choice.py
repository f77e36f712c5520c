"""By which super-class a new class is found, if by any."""

import numpy as np

from drivemeta.adaptation.parent_choice import finder_of, odd_beside

NAMES = ("vehicle", "traffic_light", "traffic_sign")


def found_by(*classes: list[int], weakly: int = -1) -> list[str | None]:
    """Return what each class is found by, given the super-classes of its boxes.

    Detections of the super-class `weakly` have low scores.
    """
    roots = np.concatenate([np.array(own, np.int64) for own in classes])
    labels = np.repeat(np.arange(len(classes)), [len(own) for own in classes])
    scores = np.where(roots < 0, 0, np.where(roots == weakly, 0.15, 0.6)).astype(np.float32)
    return [finder_of(NAMES, roots, scores, labels == i) for i in range(len(classes))]


def test_a_class_is_found_by_what_finds_most_of_its_boxes():
    assert found_by([2, 2, 1], [1, 1, 1]) == ["traffic_sign", "traffic_light"]
    assert found_by([1]) == ["traffic_light"]
    assert found_by([1], [2]) == ["traffic_light", "traffic_sign"]
    assert found_by([1, 1], *[[2]] * 11)[0] == "traffic_light"


def test_a_single_odd_box_is_outvoted_by_the_classes_beside_it():
    assert found_by([1], *[[2]] * 11)[0] == "traffic_sign"


def test_a_class_that_is_mostly_missed_is_a_new_kind():
    assert found_by([-1]) == [None]
    assert found_by([-1, -1, 2]) == [None]
    assert found_by([-1] * 5, [2] * 5) == [None, "traffic_sign"]


def test_few_boxes_prove_little_beside_classes_that_are_found():
    signs = [[2, 2, 2]] * 4
    assert found_by([-1, -1, 2], *signs)[0] == "traffic_sign"
    assert found_by([-1, -1], *signs)[0] == "traffic_sign"
    assert found_by([1], *[[2]] * 3, weakly=1)[0] == "traffic_sign"
    assert found_by([1, 1, 1], *signs)[0] == "traffic_light"
    assert found_by([-1, -1, -1, -1, 2], *signs)[0] is None


def test_few_and_weak_overlaps_make_a_new_kind():
    assert found_by([1, -1, 0], weakly=0) == [None]
    assert found_by([0, 0, 1, 1, 2], weakly=0) == [None]
    assert found_by([1, 1, 1], weakly=1) == [None]
    assert found_by([2, -1], weakly=2) == [None]
    assert found_by([1]) == ["traffic_light"]
    assert found_by([2, 2, 2, 1, -1]) == ["traffic_sign"]


def test_a_class_that_differs_from_all_beside_it_is_asked_about():
    names, signs = ("stop", "yield", "bump", "park"), ("traffic_sign",) * 3
    for new in (None, "park"):
        said = odd_beside(names, (*signs, new), 3, ["vehicle"])
        assert said is not None
        assert "if it is one, say --parent traffic_sign" in said
        assert odd_beside(names, (*signs, new), 0, ["traffic_sign"]) is None
    assert odd_beside(names[1:], (*signs[1:], None), 2, []) is None  # two prove little
    mixed = ("traffic_sign", "traffic_sign", "vehicle", None)
    assert odd_beside(names, mixed, 3, []) is None
    assert odd_beside(names, (*signs, "vehicle"), 3, ["vehicle"]) is None


def test_a_class_that_is_what_those_beside_it_are_without_being_seen_as_such_is_asked_about():
    names, signs = ("stop", "yield", "bump", "dog"), ("traffic_sign",) * 4
    for seen in ([], ["pedestrian"]):
        said = odd_beside(names, signs, 3, seen)
        assert said is not None
        assert "if it is no traffic_sign, adapt it by itself" in said
    assert odd_beside(names, signs, 3, ["pedestrian", "traffic_sign"]) is None
