"""Crops against RoiAlign written out in numpy, as ONNX defines it."""

import numpy as np
import pytest
import torch

from drivemeta.models.crops import enlarge, roi_crops, to_tensor


def roi_align(frame: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Average 2 x 2 bilinear samples a bin; pixel centres at halves, edges held."""
    _, height, width = frame.shape
    out = np.zeros((frame.shape[0], size, size))
    bin_w, bin_h = (box[2] - box[0]) / size, (box[3] - box[1]) / size
    for row in range(size):
        for col in range(size):
            for dy in (0.25, 0.75):
                for dx in (0.25, 0.75):
                    x = np.clip(box[0] + (col + dx) * bin_w - 0.5, 0, width - 1)
                    y = np.clip(box[1] + (row + dy) * bin_h - 0.5, 0, height - 1)
                    x0, y0 = int(x), int(y)
                    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                    fx, fy = x - x0, y - y0
                    top = (1 - fx) * frame[:, y0, x0] + fx * frame[:, y0, x1]
                    bottom = (1 - fx) * frame[:, y1, x0] + fx * frame[:, y1, x1]
                    out[:, row, col] += ((1 - fy) * top + fy * bottom) / 4
    return out


@pytest.mark.parametrize(
    "box",
    [
        (3.0, 5.0, 19.0, 21.0),
        (3.3, 5.7, 12.1, 30.2),
        (0.0, 0.0, 48.0, 36.0),  # the whole frame
        (44.0, 30.0, 60.0, 50.0),  # over the edge: clipped
        (10.2, 10.2, 10.9, 10.9),  # less than a pixel
    ],
)
def test_equals_plain_roi_align(box):
    frame = np.random.default_rng(0).random((3, 36, 48)).astype(np.float32)
    boxes = torch.tensor([box])
    found = roi_crops(torch.from_numpy(frame), boxes, context=1.2, size=16)
    clipped = enlarge(boxes, 1.2, 36, 48)[0].numpy().astype(np.float64)
    np.testing.assert_allclose(found[0].numpy(), roi_align(frame, clipped, 16), atol=1e-4)


def test_boxes_keep_their_order():
    frame = torch.rand(3, 40, 60)
    boxes = torch.tensor([[1.0, 2, 20, 30], [30, 5, 50, 25], [0, 0, 60, 40]])
    together = roi_crops(frame, boxes, 1.0)
    assert together.shape == (3, 3, 64, 64)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], roi_crops(frame, boxes[i : i + 1], 1.0))


def test_no_boxes_give_no_crops():
    assert roi_crops(torch.rand(3, 40, 60), torch.zeros(0, 4), 1.2).shape == (0, 3, 64, 64)


def test_enlarging_keeps_the_centre_and_stays_inside():
    found = enlarge(torch.tensor([[10.0, 10, 20, 30], [0, 0, 50, 40]]), 1.2, 40, 50)
    torch.testing.assert_close(found, torch.tensor([[9.0, 8, 21, 32], [0, 0, 50, 40]]))


def test_images_become_rgb():
    blue = np.zeros((2, 3, 3), np.uint8)
    blue[..., 0] = 255
    tensor = to_tensor(blue)
    assert tensor.shape == (3, 2, 3)
    assert tensor.dtype == torch.float32
    assert tensor.amax((1, 2)).tolist() == [0, 0, 1]
