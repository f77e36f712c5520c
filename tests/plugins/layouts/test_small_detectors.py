"""NanoDet, FastestDet and Yolo-FastestV2: hidden boxes are found, by the right way alone."""

import numpy as np
import pytest

from drivemeta.core.boxes import iou_matrix
from drivemeta.plugins.layout.parts import cells
from drivemeta.plugins.layout.signature import Signature, Tensor
from tests.helpers.own_detectors import layout

SIZE = (64, 96)
BOX = np.array([[20, 12, 60, 44]], np.float32)
IMAGE = Tensor("data", "float32", (1, 3, *SIZE))


def overlap(boxes, scores):
    """Return how the best box of the last class lies to the hidden one."""
    best = scores[:, -1].argmax()
    assert scores[best].argmax() == scores.shape[1] - 1
    return iou_matrix(BOX, boxes[[best]])[0, 0]


def bins_of(point, stride):
    """Return the four distributions that say how far the sides lie from a point."""
    distances = np.concatenate([point - BOX[0, :2], BOX[0, 2:] - point]) / stride
    bins = np.full((4, 8), -30, np.float32)
    for side, distance in zip(bins, distances, strict=True):
        low = int(np.floor(distance))
        share = distance - low
        side[low] = np.log(1 - share + 1e-9)
        side[low + 1] = np.log(share + 1e-9)
    return bins.ravel()


def test_nanodet_plus():
    grid, _ = cells(SIZE, (8, 16, 32, 64))
    place = 4 * 12 + 5  # of stride 8
    output = np.zeros((1, len(grid), 3 + 32), np.float32)
    output[0, place, 2] = 0.9
    output[0, place, 3:] = bins_of(grid[place] * 8, 8)
    file = Signature((IMAGE,), (Tensor("output", "float32", output.shape),))
    (way,) = layout("nanodet").recognise(file)
    assert overlap(*layout("nanodet").decode_arrays(way, {"output": output})) > 0.99
    assert way.frame.channels == "bgr"
    assert way.frame.fit == "stretch"


@pytest.mark.parametrize("point", ["middle", "corner"])
def test_older_nanodet_is_measured_from_one_point_only(point):
    grid, _ = cells(SIZE, (8, 16, 32))
    sizes, place = [96, 24, 6], 96 + 6 + 2  # of stride 16
    origin = grid[place] * 16 + (7.5 if point == "middle" else 0)
    scores, bins = np.zeros((len(grid), 32), np.float32), np.zeros((len(grid), 32), np.float32)
    scores[place, 31] = 0.8  # as many classes as distances: the order tells them apart
    bins[place] = bins_of(origin, 16)
    cuts = np.cumsum(sizes)[:-1]
    arrays = [*np.split(scores, cuts), *np.split(bins, cuts)]
    outputs = {str(i): array[None] for i, array in enumerate(arrays)}
    tensors = tuple(Tensor(name, "float32", array.shape) for name, array in outputs.items())
    plugin = layout("nanodet")
    for way in plugin.recognise(Signature((IMAGE,), tensors)):
        found = overlap(*plugin.decode_arrays(way, outputs))
        assert (found > 0.99) == (way.choices["point"] == point)


def test_fastestdet():
    output = np.zeros((1, 8, 4, 6), np.float32)
    output[:, 3:5] = -9
    x, y = 2, 1
    centre, side = (BOX[0, :2] + BOX[0, 2:]) / 2, BOX[0, 2:] - BOX[0, :2]
    share = side / SIZE[::-1]
    output[0, :, y, x] = [
        0.9,
        *np.arctanh(centre / 16 - [x, y]),
        *np.log(share / (1 - share)),
        0.1,
        0.2,
        0.7,
    ]
    file = Signature((IMAGE,), (Tensor("o", "float32", output.shape),))
    plugin = layout("fastestdet")
    (way,) = plugin.recognise(file)
    boxes, scores = plugin.decode_arrays(way, {"o": output})
    assert overlap(boxes, scores) > 0.99
    assert scores.max() == pytest.approx(0.9**0.6 * 0.7**0.4)


def test_yolo_fastestv2():
    grid, _ = cells(SIZE, (16, 32))
    output = np.zeros((len(grid), 18), np.float32)
    place, anchor = 1 * 6 + 2, 1  # of stride 16
    centre, side = (BOX[0, :2] + BOX[0, 2:]) / 2, BOX[0, 2:] - BOX[0, :2]
    coded = (centre / 16 - grid[place] + 0.5) / 2
    sides = np.sqrt(side / (37.88, 51.48)) / 2
    output[place, 4 * anchor : 4 * anchor + 4] = [*coded, *sides]
    output[place, 12 + anchor] = 0.9
    output[place, 15:] = [0.1, 0.2, 0.7]
    file = Signature((IMAGE,), (Tensor("o", "float32", output.shape),))
    plugin = layout("yolo_fastestv2")
    (way,) = plugin.recognise(file)
    boxes, scores = plugin.decode_arrays(way, {"o": output})
    assert len(boxes) == 3 * len(grid)
    assert overlap(boxes, scores) > 0.99
    assert scores.max() == pytest.approx(0.63)
