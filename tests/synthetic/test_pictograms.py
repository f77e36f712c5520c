import numpy as np
import pytest

from drivemeta.synthetic import (
    CATALOGUE,
    DEMO_PICTOGRAMS,
    TRAIN_PICTOGRAMS,
    Scene,
    pictogram,
)
from drivemeta.synthetic.furniture import Pole
from drivemeta.synthetic.signs_and_lights import Sign


def test_pictograms_of_training_and_demo_are_disjoint():
    assert not set(TRAIN_PICTOGRAMS) & set(DEMO_PICTOGRAMS)
    assert {*TRAIN_PICTOGRAMS, *DEMO_PICTOGRAMS} == set(CATALOGUE)
    assert len(TRAIN_PICTOGRAMS) >= 40
    assert "falling_rocks" in DEMO_PICTOGRAMS


def test_scenes_of_training_never_show_a_pictogram_of_the_demo():
    scene = Scene(5)
    assert set(scene.names) == set(TRAIN_PICTOGRAMS)
    props = scene.props(0.0) + scene.props(3000.0)
    shown = {prop.thing.name for prop in props if isinstance(prop.thing, Sign)}
    assert not shown & set(DEMO_PICTOGRAMS)
    assert any(isinstance(prop.thing, Pole) for prop in props)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_pictograms_are_tight_and_premultiplied(name):
    sprite = pictogram(name)
    alpha = sprite[..., 3]
    assert (sprite[..., :3] <= alpha[..., None].astype(int) + 2).all()
    for edge in (alpha[:3], alpha[-3:], alpha[:, :3], alpha[:, -3:]):
        assert edge.max() > 100


def test_pictograms_differ_from_each_other():
    pictures = {name: pictogram(name).astype(float) for name in CATALOGUE}
    names = sorted(pictures)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a, b = pictures[first], pictures[second]
            same = a.shape == b.shape and np.abs(a - b).mean() < 1.0
            assert not same, f"{first} looks like {second}"
