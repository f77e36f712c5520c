"""What is known of a plugin that was built: by its manifest, or by its class alone."""

import json
from pathlib import Path

import pytest
import torch

from drivemeta.plugins import Loaded, Registry, default_registry
from drivemeta.plugins.discovery import discover
from tests.helpers.plugins import write_plugin


def test_a_built_plugin_says_who_its_manifest_says_it_is(tmp_path):
    folder = write_plugin(tmp_path / "trackers" / "still", version="1.2")
    built = Registry(discover([tmp_path])).build("tracker", "still", patience="7")
    assert isinstance(built, Loaded)
    assert (built.name, built.version, built.origin) == ("still", "1.2", str(tmp_path))
    assert built.folder == folder
    assert built.params == {"patience": 7, "gate": 0.5}
    assert built.object.patience == 7


def test_an_object_is_found_by_its_class():
    registry = default_registry()
    learner = registry.create("learner", "protonet", scale=7)
    known = registry.identify("learner", learner)
    assert (known.name, known.origin, known.object) == ("protonet", "built-in", learner)
    assert known.params == registry.build("learner", "protonet", scale=7).params


class ProtoNet:
    """Not ours, though it is called so."""

    def __init__(self, scale: float = 1.0, rows: object = None, gone: int = 3) -> None:
        del gone
        self.scale, self.rows, self.seen = scale, torch.ones(2) if rows is None else rows, []


def test_a_class_of_the_same_name_is_not_ours():
    known = default_registry().identify("learner", ProtoNet())
    assert (known.name, known.folder) == ("protonet", None)
    assert known.origin == __name__


def test_a_subclass_is_not_the_plugin():
    ours = default_registry().load("learner", "protonet")
    mine = type("Mine", (ours,), {})()
    known = default_registry().identify("learner", mine)
    assert (known.name, known.folder) == ("mine", None)


def test_a_plugin_of_the_same_name_in_another_folder_is_not_it(tmp_path):
    for place in ("a", "b"):
        write_plugin(tmp_path / place / "trackers" / "still")
    one = Registry(discover([tmp_path / "a"])).create("tracker", "still")
    other = Registry(discover([tmp_path / "b"]))
    assert other.identify("tracker", one).folder is None
    other.load("tracker", "still")
    assert other.identify("tracker", one).folder is None


def test_plain_attributes_named_as_parameters_are_the_parameters_of_an_object():
    assert default_registry().identify("learner", ProtoNet(2.0)).params == {"scale": 2.0}


@pytest.mark.parametrize("value", [Path("a"), torch.ones(2), torch.Generator(), b"\xff", {1: None}])
def test_any_parameter_can_be_written_as_json(value):
    loaded = Loaded("x", "", "", None, {"value": value, "n": 3}, object())
    assert json.loads(json.dumps(loaded.json_params))["n"] == 3
