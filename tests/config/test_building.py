"""Plugin choices in a configuration become plugin objects."""

import pytest
from pydantic import ValidationError

from drivemeta.config.building import PluginChoice, build
from drivemeta.errors import InputError, PluginNotFoundError
from drivemeta.plugins import default_registry


@pytest.mark.parametrize(
    ("written", "params"),
    [
        ("fixed", {}),
        ({"fixed": None}, {}),
        ({"fixed": {"every": 2}}, {"every": 2}),
        ({"name": "fixed", "params": {"every": 2}}, {"every": 2}),
    ],
)
def test_the_ways_to_write_a_choice(written, params):
    assert PluginChoice.model_validate(written) == PluginChoice(name="fixed", params=params)


@pytest.mark.parametrize("written", [{"fixed": 3}, {"a": {}, "b": {}}, 7])
def test_what_is_no_choice_is_refused(written):
    with pytest.raises(ValidationError):
        PluginChoice.model_validate(written)


def test_a_choice_becomes_a_plugin_with_converted_values():
    choice = PluginChoice.model_validate({"protonet": {"n_background": "4"}})
    learner = build(default_registry(), "learner", choice, scale=10)
    assert (learner.n_background, learner.scale) == (4, 10.0)


def test_all_mistakes_of_a_choice_come_at_once():
    choice = PluginChoice.model_validate({"protonet": {"n_backgroud": 4, "scale": "large"}})
    with pytest.raises(InputError) as caught:
        build(default_registry(), "learner", choice)
    assert "no parameter 'n_backgroud'; did you mean 'n_background'?" in str(caught.value)
    assert "parameter 'scale': Input should be a valid number" in str(caught.value)
    assert "found 'large'" in str(caught.value)


def test_a_misspelt_plugin_suggests_the_nearest():
    with pytest.raises(PluginNotFoundError, match="did you mean 'protonet'"):
        build(default_registry(), "learner", PluginChoice(name="protont"))
