"""YOLOX: boxes hidden in its output are found by the right way to read it, and by no other."""

import numpy as np
import pytest

from drivemeta.core.boxes import iou_matrix
from drivemeta.plugins.layout.parts import cells
from drivemeta.plugins.layout.signature import Signature, Tensor
from tests.helpers.own_detectors import layout

SIZE = (64, 96)
GRID, STRIDES = cells(SIZE, (8, 16, 32))
FILE = Signature(
    (Tensor("images", "float32", (1, 3, *SIZE)),),
    (Tensor("output", "float32", (1, len(GRID), 8)),),
)
BOX = np.array([[20, 12, 60, 44]], np.float32)
PLACE = 60  # a cell of stride 8


def hidden(boxes):
    """Return an output with one box of the third class, raw or decoded."""
    output = np.zeros((1, len(GRID), 8), np.float32)
    centre, side = (BOX[0, :2] + BOX[0, 2:]) / 2, BOX[0, 2:] - BOX[0, :2]
    if boxes == "raw":
        centre, side = centre / STRIDES[PLACE] - GRID[PLACE], np.log(side / STRIDES[PLACE])
    output[0, PLACE] = [*centre, *side, 0.9, 0.1, 0.2, 0.8]
    return {"output": output}


@pytest.mark.parametrize("boxes", ["raw", "decoded"])
def test_the_hidden_box_is_found_one_way_only(boxes):
    plugin = layout("yolox")
    for way in plugin.recognise(FILE):
        found, scores = plugin.decode_arrays(way, hidden(boxes))
        assert scores[PLACE].argmax() == 2
        assert scores[PLACE, 2] == pytest.approx(0.72)
        overlap = iou_matrix(BOX, found[[PLACE]])[0, 0]
        assert (overlap > 0.99) == (way.choices["boxes"] == boxes)


def test_frames_are_prepared_in_both_ways_that_its_versions_know():
    ways = layout("yolox").recognise(FILE)
    assert {(w.frame.channels, w.frame.deviation[0]) for w in ways} == {
        ("bgr", 1.0),
        ("rgb", 58.395),
    }
    assert {(w.frame.fit, w.frame.pad) for w in ways} == {("top-left", 114.0)}


@pytest.mark.parametrize("shape", [(1, len(GRID) + 1, 8), (1, len(GRID), 5), (len(GRID), 8)])
def test_other_shapes_are_no_yolox(shape):
    other = Signature(FILE.inputs, (Tensor("output", "float32", shape),))
    assert not layout("yolox").recognise(other)
