"""OpenCV's pedestrian detector, as a peer of level 1.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", 2005, with the linear
classifier that OpenCV ships (windows of 64x128 pixels). OpenCV 5 no longer ships it, so it is run
by an older one that is put before it:

    pip install --no-deps --target runs/opencv4 'opencv-python-headless<5'
    PYTHONPATH=runs/opencv4 python -m tools.base.table --hog
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassSpec, Detections
from drivemeta.core.boxes import FloatArray, nms
from drivemeta.errors import InputError
from drivemeta.evaluation.classes import ClassTree

PEDESTRIAN = "pedestrian"
# The share of the window that a person fills: its training images have a margin.
WIDTH_SHARE, HEIGHT_SHARE = 0.5, 0.8
NMS_IOU = 0.4


class HogPedestrians:
    """Finds pedestrians in frames.

    Args:
        enlarge: Factor by which frames are enlarged, for the window is taller than most
            pedestrians; of 1.5 and 2 the better on 25 BDD training images.
        least: Margin to the classifier's plane from which windows count.
    """

    provider = "opencv"
    tree = ClassTree.of((ClassSpec(PEDESTRIAN),))

    def __init__(self, enlarge: float = 2.0, least: float = 0.0) -> None:
        if not hasattr(cv2, "HOGDescriptor"):
            raise InputError(
                f"expected an OpenCV with HOGDescriptor (before 5), found {cv2.__version__}; "
                f"tools/base/hog.py says how to put one before it"
            )
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
        self._enlarge, self._least = enlarge, least

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], min_score: float | None = None
    ) -> list[Detections]:
        """Return what is found in (height, width, 3) uint8 BGR frames; every score counts."""
        del min_score
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: NDArray[np.uint8]) -> Detections:
        large = cv2.resize(frame, None, fx=self._enlarge, fy=self._enlarge)
        windows, margins = self._hog.detectMultiScale(
            large, hitThreshold=self._least, winStride=(8, 8), scale=1.1, groupThreshold=0
        )
        boxes = _persons(np.asarray(windows, np.float32).reshape(-1, 4) / self._enlarge)
        chances = 1 / (1 + np.exp(-np.asarray(margins).reshape(-1)))
        scores = np.asarray(chances, np.float32)
        labels = np.zeros(len(boxes), np.int64)
        kept = nms(boxes, scores, labels, NMS_IOU)
        return Detections(boxes[kept], scores[kept], labels[kept], (PEDESTRIAN,))


def _persons(windows: FloatArray) -> FloatArray:
    """Return the xyxy boxes of the persons in xywh windows."""
    centres = windows[:, :2] + windows[:, 2:] / 2
    half = windows[:, 2:] / 2 * np.array([WIDTH_SHARE, HEIGHT_SHARE], np.float32)
    return np.concatenate([centres - half, centres + half], 1).astype(np.float32)
