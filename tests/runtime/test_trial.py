"""Models that take all memory or never end: a process of their own is all that they get."""

import numpy as np
import pytest
from onnx import helper

from drivemeta.errors import ModelFileError
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.trial import try_out
from tests.helpers.echo_model import echo_model

FRAME = np.zeros((8, 8, 3), np.uint8)


def written(path, nodes=(), **constants):
    path.write_bytes(echo_model(nodes, **constants))
    return path


def giant(side, n_times=1):
    """Return nodes that multiply two matrices whose size hangs on the frame: known when it runs."""
    products = [
        helper.make_node("MatMul", [f"product{i}", "matrix"], [f"product{i + 1}"])
        for i in range(n_times)
    ]
    return [
        helper.make_node("Shape", ["frames"], ["sizes"], start=1, end=3),
        helper.make_node("Min", ["sizes", "side"], ["none"]),
        helper.make_node("Sub", ["sizes", "none"], ["rest"]),
        helper.make_node("Max", ["rest", "side"], ["large"]),
        helper.make_node("ConstantOfShape", ["large"], ["matrix"]),
        helper.make_node("Identity", ["matrix"], ["product0"]),
        *products,
        helper.make_node("ReduceMax", [f"product{n_times}"], ["ten"], keepdims=0),
    ], {"side": np.array([side])}


def test_a_sound_model_passes(tmp_path):
    try_out(written(tmp_path / "m.onnx"))


def test_one_that_takes_much_memory(tmp_path):
    nodes, constants = giant(20_000)
    path = written(tmp_path / "m.onnx", nodes, **constants)
    with pytest.raises(ModelFileError, match="memory"):
        try_out(path, most_bytes=2**30)


def test_one_that_does_not_end(tmp_path):
    nodes, constants = giant(2000, n_times=2000)  # minutes, and little memory to give back
    path = written(tmp_path / "m.onnx", nodes, **constants)
    with pytest.raises(ModelFileError, match="was stopped after 3 s"):
        try_out(path, timeout_s=3)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"label": np.array([[7]])}, r"labels must lie in 0\.\.0, found 7"),
        ({"label": np.array([[-2]])}, r"labels must lie in 0\.\.0, found -2"),
        ({"three": np.array([-3])}, "expected a count of 0 to 300 rows, found -3"),
        ({"three": np.array([301])}, "found 301"),
        ({"box": np.full((1, 1, 4), np.nan, np.float32)}, "not finite"),
    ],
)
def test_one_that_finds_what_cannot_be(tmp_path, constants, message):
    path = written(tmp_path / "m.onnx", **constants)
    with pytest.raises(ModelFileError, match=rf"m\.onnx finds what cannot be.*{message}"):
        OnnxDetector(path, provider="cpu")([FRAME])


def test_what_is_wrong_is_said_as_if_it_had_run_here(tmp_path):
    path = written(tmp_path / "m.onnx", label=np.array([[7]]))
    with pytest.raises(ModelFileError, match=rf"^{path} finds what cannot be"):
        try_out(path)
