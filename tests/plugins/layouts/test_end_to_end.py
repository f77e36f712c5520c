"""Layouts of larger detectors: hidden boxes are found by the right way to read, and no other."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core.boxes import iou_matrix
from drivemeta.plugins.layout.parts import cells
from drivemeta.plugins.layout.signature import Signature, Tensor
from tests.helpers.own_detectors import layout

SIZE = (64, 96)
BOX = np.array([20, 12, 60, 44], np.float32)
CENTRE, SIDE = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]
WHOLE = np.array([96, 64], np.float32)
IMAGE = Tensor("images", "float32", (1, 3, *SIZE))
N = 5


def signature(outputs, inputs=(IMAGE,), **metadata):
    tensors = [Tensor(name, a.dtype.name, a.shape) for name, a in outputs.items()]
    return Signature(inputs, tuple(tensors), metadata)


def found(plugin, way, outputs, n_slots=3):
    """Return the best box's overlap with the hidden one, its slot and its score."""
    way = way if way.n_slots else replace(way, n_slots=n_slots)
    boxes, scores = plugin.decode_arrays(way, outputs)
    best = scores.max(1).argmax()
    return iou_matrix(BOX[None], boxes[[best]])[0, 0], scores[best].argmax(), scores[best].max()


def test_yolov5_has_three_anchors_a_cell():
    rows = np.zeros((1, 3 * len(cells(SIZE, (8, 16, 32))[0]), 8), np.float32)
    rows[0, 40] = [*CENTRE, *SIDE, 0.9, 0.1, 0.2, 0.8]
    plugin = layout("yolo")
    (way,) = plugin.recognise(signature({"output0": rows}))
    assert way.choices == {"version": "v5"}
    assert found(plugin, way, {"output0": rows}) == pytest.approx((1, 2, 0.72))
    assert not layout("yolox").recognise(signature({"output0": rows}))


@pytest.mark.parametrize("n_classes", [1, 2, 3, 80])
def test_yolov8_has_its_cells_last(n_classes):
    rows = np.zeros((1, 4 + n_classes, len(cells(SIZE, (8, 16, 32))[0])), np.float32)
    rows[0, :4, 40] = [*CENTRE, *SIDE]
    rows[0, -1, 40] = 0.8
    plugin = layout("yolo")
    (way,) = plugin.recognise(signature({"output0": rows}))
    assert way.choices == {"version": "v8"}
    assert way.n_slots == n_classes
    assert found(plugin, way, {"output0": rows}) == pytest.approx((1, n_classes - 1, 0.8))
    assert (way.frame.fit, way.frame.channels, way.frame.deviation[0]) == ("centred", "rgb", 255)


def test_yolo_end_to_end_gives_labels():
    rows = np.zeros((1, N, 6), np.float32)
    rows[0, 1] = [*BOX, 0.8, 2]
    plugin = layout("yolo")
    (way,) = plugin.recognise(signature({"output0": rows}))
    assert way.choices == {"version": "end to end"}
    assert found(plugin, way, {"output0": rows}) == pytest.approx((1, 2, 0.8))


def test_metadata_of_yolo_is_believed():
    file = Signature(
        (Tensor("images", "float32", (None, 3, None, None)),),
        (Tensor("output0", "float32", (None, 7, None)),),
        {"author": "Ultralytics", "imgsz": "[320, 480]", "task": "detect"},
    )
    (way,) = layout("yolo").recognise(file)
    assert way.frame.size == (320, 480)
    assert not layout("yolo").recognise(replace(file, metadata={"task": "pose"}))


def detr(slot, n_slots=4):
    dets, labels = np.zeros((1, N, 4), np.float32), np.full((1, N, n_slots), -9, np.float32)
    dets[0, 1] = [*(CENTRE / WHOLE), *(SIDE / WHOLE)]
    labels[0, 1, slot] = 2
    return {"dets": dets, "labels": labels}


def test_rfdetr_with_as_many_scores_as_sides_of_a_box():
    outputs, plugin = detr(slot=3), layout("rfdetr")
    ways = plugin.recognise(signature(outputs))
    assert {way.slots for way in ways} == {"plain", "first", "last"}
    for way in ways:
        assert found(plugin, way, outputs) == pytest.approx((1, 3, 0.8808), abs=1e-3)
    assert not layout("rtmdet").recognise(signature(outputs))


def test_rfdetr_of_coco_has_its_numbers():
    ways = layout("rfdetr").recognise(signature(detr(slot=13, n_slots=91)))
    assert "coco" in {way.slots for way in ways}


def mmdeploy():
    dets, labels = np.zeros((1, N, 5), np.float32), np.zeros((1, N), np.int64)
    dets[0, 1], labels[0, 1] = [*BOX, 0.8], 2
    return {"dets": dets, "labels": labels}


def test_rtmdet_is_told_from_rfdetr_by_columns_and_type():
    outputs, plugin = mmdeploy(), layout("rtmdet")
    ways = plugin.recognise(signature(outputs))
    assert [way.frame.channels for way in ways] == ["bgr", "rgb"]
    assert found(plugin, ways[0], outputs) == pytest.approx((1, 2, 0.8))
    assert not layout("rfdetr").recognise(signature(outputs))
    floats = {**outputs, "labels": outputs["labels"].astype(np.float32)}
    assert not plugin.recognise(signature(floats))


def test_dfine_is_fed_the_size_in_both_orders_unless_it_is_a_square():
    outputs = {
        "labels": np.zeros((1, N), np.int64),
        "boxes": np.zeros((1, N, 4), np.float32),
        "scores": np.zeros((1, N), np.float32),
    }
    outputs["labels"][0, 1], outputs["boxes"][0, 1], outputs["scores"][0, 1] = 2, BOX, 0.8
    sizes = Tensor("orig_target_sizes", "int64", (1, 2))
    plugin = layout("dfine")
    ways = plugin.recognise(signature(outputs, (IMAGE, sizes)))
    assert [way.frame.sizes_order for way in ways] == ["wh", "hw"]
    assert found(plugin, ways[0], outputs) == pytest.approx((1, 2, 0.8))
    square = Tensor("images", "float32", (1, 3, 64, 64))
    assert len(plugin.recognise(signature(outputs, (square, sizes)))) == 1
    assert not plugin.recognise(signature(outputs))


def test_torchvision_counts_from_1_and_has_no_batch_axis():
    outputs = {
        "boxes": BOX[None],
        "labels": np.array([3], np.int64),
        "scores": np.array([0.8], np.float32),
    }
    plugin = layout("torchvision")
    image = Tensor("image", "float32", (3, None, None))
    ways = plugin.recognise(signature(outputs, (image,)))
    assert {way.slots for way in ways} == {"coco", "first"}
    assert found(plugin, ways[1], outputs, n_slots=4) == pytest.approx((1, 3, 0.8))
