"""How the rows of the few-shot benchmark are called."""

import argparse
from pathlib import Path

import pytest

from tools.fewshot.benchmark import _differs


@pytest.mark.parametrize(
    ("base", "size", "words"),
    [
        (None, None, []),
        (Path("runs/mine.onnx"), None, ["mine.onnx"]),
        (None, "384x640", ["384x640"]),
        (Path("mine.onnx"), "384x640", ["mine.onnx", "384x640"]),
    ],
)
def test_a_row_says_how_its_base_differs_from_the_shipped_one(base, size, words):
    assert _differs(argparse.Namespace(base=base, input_size=size)) == words
