"""What a plugin must have once it is built: the attributes of its protocol."""

import json
import textwrap

import pytest

from drivemeta.errors import PluginError
from drivemeta.plugins import default_registry

DETECTOR = """
    from types import SimpleNamespace

    class Backbone(SimpleNamespace):
        stem, blocks, taps = None, [], ()
        def __call__(self, images): return []
        def run_blocks(self, x, start, stop): return []
        def state_dict(self): return {}
        def load_state_dict(self, state_dict): pass

    class Odd:
        def __init__(self, dim: int = 8) -> None:
            self.params = {"dim": dim}
            self.dim = dim
            self.backbone = Backbone()
        def forward(self, images): pass
        def dense(self, features): pass
        def state_dict(self): return {}
        def load_state_dict(self, state_dict): pass
"""


def create(folder, code):
    """Write a detector plugin and build it."""
    values = {"kind": "detector", "entry": "odd:Odd", "api_version": 1, "summary": "Odd."}
    (folder / "odd.py").write_text(textwrap.dedent(code))
    (folder / "plugin.yaml").write_text(json.dumps({"name": "odd", **values}))
    return default_registry([folder]).create("detector", "odd")


def test_a_detector_with_all_that_is_asked_of_it_fits(tmp_path):
    assert create(tmp_path, DETECTOR).dim == 8


@pytest.mark.parametrize(
    ("was", "now", "missing"),
    [
        ("self.params", "self.values", "params"),
        ("self.dim", "self.length", "dim"),
        ("self.backbone", "self.trunk", "backbone"),
        ("stem, blocks, taps", "stem, layers, cuts", r"backbone\.blocks, backbone\.taps"),
        ("def run_blocks", "def run", r"backbone\.run_blocks\(\)"),
    ],
)
def test_an_attribute_that_is_missing_is_named(tmp_path, was, now, missing):
    wanted = f"detector 'odd' from .* does not fit .*expected the members {missing}, found a Odd"
    with pytest.raises(PluginError, match=wanted):
        create(tmp_path, DETECTOR.replace(was, now))


def test_a_detector_without_dense_is_refused_before_it_is_built(tmp_path):
    with pytest.raises(PluginError, match=r"expected dense\(self, features.*no method 'dense'"):
        create(tmp_path, DETECTOR.replace("def dense", "def sparse"))
