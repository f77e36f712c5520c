"""What a plugin raises or gives wrongly is told as its own fault, with where it came from."""

import json
import textwrap

import numpy as np
import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.errors import InputError, PluginError
from drivemeta.plugins import default_registry
from drivemeta.plugins.calling import Calling, frames_of, origin_of

CODE = """
    import json

    class Odd:
        def __init__(self, gate: float = 0.5) -> None:
            self.left = 1 / gate
        def update(self, detections, frame):
            return json.loads(detections)
        def reset(self) -> None:
            pass
"""


@pytest.fixture
def registry(tmp_path):
    values = {"name": "odd", "kind": "tracker", "entry": "odd:Odd", "api_version": 1}
    (tmp_path / "odd.py").write_text(textwrap.dedent(CODE))
    (tmp_path / "plugin.yaml").write_text(json.dumps({**values, "summary": "Odd."}))
    return default_registry([tmp_path])


def raised(error, method="update"):
    """Return what becomes of an error that a plugin raises."""
    with pytest.raises(BaseException) as caught, Calling(object(), method):  # noqa: PT011
        raise error
    return caught.value


def test_what_a_plugin_raises_names_it_its_origin_and_the_line(registry, tmp_path):
    tracker = registry.create("tracker", "odd")
    with pytest.raises(PluginError) as caught, Calling(tracker, "update"):
        tracker.update("many", None)
    said = str(caught.value)
    assert said.startswith(
        f"tracker 'odd' from {tmp_path} failed in `update`, {tmp_path}/odd.py:8: "
    )
    assert said.endswith("JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


def test_the_line_is_of_the_last_call_where_none_is_the_plugins(registry):
    calling = Calling(registry.create("tracker", "odd"), "update")
    with pytest.raises(PluginError, match=r"decoder\.py:\d+: JSONDecodeError"), calling:
        json.loads("{")


def test_a_plugin_that_cannot_be_built_is_told(registry):
    with pytest.raises(PluginError, match=r"'odd' from .* failed in `__init__`.*ZeroDivisionError"):
        registry.create("tracker", "odd", gate=0)


def test_an_object_that_no_registry_built_goes_by_its_class():
    assert "object of builtins failed in `fit`" in str(raised(KeyError("x"), "fit"))
    assert origin_of(PluginError) == "PluginError of drivemeta.errors"


@pytest.mark.parametrize(
    "error", [InputError("ours"), PluginError("ours"), KeyboardInterrupt(), GeneratorExit()]
)
def test_errors_of_ours_and_signals_pass(error):
    assert raised(error) is error


def test_a_plugin_that_exits_has_failed():
    assert "failed in `update`" in str(raised(SystemExit(3)))
    assert str(raised(SystemExit(3))).endswith("SystemExit: 3")


def test_one_context_serves_many_calls_and_nests():
    calling = Calling(object(), "update")
    for _ in range(3):
        with calling, calling:
            pass
    with pytest.raises(PluginError, match="failed in `update`") as caught, calling, calling:
        raise ValueError("once")
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_is_returned_is_checked(registry):
    tracker = registry.create("tracker", "odd")
    calling = Calling(tracker, "commit")
    assert calling.returned(3, int) == 3
    with pytest.raises(PluginError, match=r"'odd' from .*: expected `commit` to give an int, "):
        calling.returned(np.int64(3), int)
    with pytest.raises(PluginError, match="to give a Tracks, found None"):
        calling.returned(None, Tracks)


def test_what_is_returned_must_have_methods():
    calling = Calling(object(), "fit")
    assert calling.returned_with("text", "upper") == "text"
    with pytest.raises(PluginError, match="an object with `as_bank`, `go`, found an int without"):
        calling.returned_with(3, "as_bank", "go", "conjugate")


class Source:
    def __init__(self, *frames):
        self._frames = frames

    def __iter__(self):
        for frame in self._frames:
            if isinstance(frame, Exception):
                raise frame
            yield frame


def test_frames_of_a_source_are_frames():
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0)
    assert list(frames_of(Source(frame, frame))) == [frame, frame]
    with pytest.raises(PluginError, match="expected `__iter__` to give a Frame, found a ndarray"):
        list(frames_of(Source(frame, frame.image)))


def test_a_source_that_fails_has_given_the_frames_before():
    frame, seen = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0), []
    with pytest.raises(PluginError, match=r"failed in `__iter__`.*RuntimeError: unplugged"):
        seen.extend(frames_of(Source(frame, RuntimeError("unplugged"))))
    assert seen == [frame]
