"""The actions of a user, one after the other."""

import pytest
from pydantic import TypeAdapter, ValidationError

from drivemeta.errors import InputError
from drivemeta.teach.state import Action, State, apply, checked_place, clean_name

ACTION = TypeAdapter(Action)
BOX = {"do": "add", "clip": "drive", "frame": 3, "xyxy": [10, 20, 30, 40], "name": "stop"}


def after(*actions):
    state = State()
    for action in actions:
        state = apply(state, ACTION.validate_python(action))
    return state


def test_a_box_makes_its_class():
    state = after(BOX, {**BOX, "name": "yield", "object": 1})
    assert state.classes == ("stop", "yield")
    assert [(box.id, box.object) for box in state.boxes] == [(1, 1), (2, 1)]


def test_boxes_move_are_renamed_and_go():
    state = after(BOX, {"do": "move", "id": 1, "xyxy": [0, 0, 5, 5]})
    assert state.boxes[0].xyxy == (0, 0, 5, 5)
    state = after(BOX, {"do": "rename", "id": 1, "name": " give   way "})
    assert state.boxes[0].name == "give way"
    assert state.classes == ("stop", "give way")
    assert not after(BOX, {"do": "remove", "id": 1}).boxes
    with pytest.raises(InputError, match="removed meanwhile"):
        after(BOX, {"do": "remove", "id": 2})


def test_all_boxes_of_an_object_are_renamed_as_one():
    again = {**BOX, "frame": 9, "object": 1, "origin": "followed"}
    state = after(BOX, again, BOX, {"do": "rename", "id": 2, "name": "yield"})
    assert [box.name for box in state.boxes] == ["yield", "yield", "stop"]


def test_objects_that_turn_out_to_be_one_are_one():
    state = after(BOX, {**BOX, "frame": 9}, {**BOX, "frame": 6, "object": 2, "also": [1]})
    assert [box.object for box in state.boxes] == [2, 2, 2]


def test_numbers_of_boxes_are_never_used_again():
    state = after(BOX, {"do": "remove", "id": 1}, BOX)
    assert state.boxes[0].id == 2


def test_a_class_is_renamed_into_another():
    reject = {**BOX, "do": "reject"}
    threshold = {"do": "threshold", "name": "stop", "value": 0.4}
    rename = {"do": "rename_class", "name": "stop", "to": "halt"}
    state = after(BOX, {**BOX, "name": "halt"}, reject, threshold, rename)
    assert state.classes == ("halt",)
    assert {box.name for box in state.boxes} == {"halt"}
    assert state.rejected[0].name == "halt"
    assert not state.thresholds
    assert after(BOX, threshold, rename).thresholds == {"halt": 0.4}
    gone = after(BOX, reject, threshold, {"do": "remove_class", "name": "stop"})
    assert (gone.boxes, gone.rejected, gone.classes, gone.thresholds) == ((), (), (), {})


def test_a_threshold_is_set_and_given_back():
    threshold = {"do": "threshold", "name": "stop", "value": 0.4}
    assert after(BOX, threshold).thresholds == {"stop": 0.4}
    assert after(BOX, threshold, {**threshold, "value": None}).thresholds == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {**BOX, "frame": -1},
        {**BOX, "name": ""},
        {**BOX, "name": "x" * 81},
        {**BOX, "xyxy": [1, 2, 3]},
        {**BOX, "xyxy": [1, 2, 3, float("nan")]},
        {**BOX, "path": "/etc/passwd"},
        {"do": "threshold", "name": "stop", "value": 2},
        {"do": "format disk"},
    ],
)
def test_actions_are_checked(wrong):
    with pytest.raises(ValidationError):
        ACTION.validate_python(wrong)


def test_places_are_put_in_order_and_clipped():
    assert checked_place((30, 40, -5, 10), (100, 200)) == (0, 10, 30, 40)
    with pytest.raises(InputError, match="draw it larger"):
        checked_place((10, 10, 12, 40), (100, 200))


def test_names_keep_no_control_characters():
    assert clean_name("  a\n<b>\x00 ") == "a <b>"
    with pytest.raises(InputError, match="type a name"):
        clean_name(" \n ")
