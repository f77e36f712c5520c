"""A class has its colour in every command, and what is learnt never that of a vehicle."""

import numpy as np
import pytest

from drivemeta.core import SUPER_CLASSES
from drivemeta.plugins.sink.class_colours import (
    LEARNT_COLOURS,
    LIGHT_COLOURS,
    SUPER_CLASS_COLOURS,
    colours_of,
)


def test_super_classes_have_each_a_colour_of_its_own_whatever_stands_beside():
    colours = colours_of(SUPER_CLASSES)
    assert len(set(colours)) == len(SUPER_CLASSES)
    assert colours_of(("stop", "traffic_sign", "vehicle"))[1:] == (
        SUPER_CLASS_COLOURS["traffic_sign"],
        SUPER_CLASS_COLOURS["vehicle"],
    )


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("green_light", "green"),
        ("red light", "red"),
        ("Yellow-Light", "yellow"),
        ("amber_arrow", "yellow"),
        ("red_left_arrow", "red"),
    ],
)
def test_a_light_is_drawn_as_it_shines(name, colour):
    assert colours_of((*SUPER_CLASSES, name))[-1] == LIGHT_COLOURS[colour]


@pytest.mark.parametrize("name", ["red_car", "greenhouse", "red_yellow_light", "stop"])
def test_other_names_are_those_of_learnt_classes(name):
    assert colours_of((*SUPER_CLASSES, name))[-1] == LEARNT_COLOURS[0]


def test_a_learnt_class_keeps_its_colour_while_a_model_grows_and_never_has_one_of_the_base():
    few, more = colours_of((*SUPER_CLASSES, "a")), colours_of((*SUPER_CLASSES, "a", "b"))
    assert few == more[:-1]
    known = [*SUPER_CLASS_COLOURS.values(), *LIGHT_COLOURS.values()]
    apart = np.abs(np.subtract.outer(known, LEARNT_COLOURS).diagonal(0, 1, 3)).sum(-1)
    assert apart.min() > 60
