"""Links objects from frame to frame by their overlap."""

from __future__ import annotations

import numpy as np

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.boxes import iou_matrix


class OverlapTracker:
    """Gives an object the identity of the one it overlaps most in the frame before.

    Args:
        least_iou: below this overlap an object is a new one.
    """

    def __init__(self, least_iou: float = 0.3) -> None:
        self.least_iou = least_iou
        self.reset()

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Take one frame's detections and return them with identities."""
        ids = np.full(len(detections), -1, np.int64)
        overlaps = iou_matrix(detections.boxes, self._boxes)
        while overlaps.size and overlaps.max() >= self.least_iou:
            row, column = np.unravel_index(overlaps.argmax(), overlaps.shape)
            ids[row] = self._ids[column]
            overlaps[row, :] = overlaps[:, column] = -1
        new = np.flatnonzero(ids < 0)
        ids[new] = self._next + np.arange(len(new))
        self._next += len(new)
        self._boxes, self._ids = detections.boxes, ids
        return Tracks(detections, ids)

    def reset(self) -> None:
        """Forget everything."""
        self._boxes = np.zeros((0, 4), np.float32)
        self._ids = np.zeros(0, np.int64)
        self._next = 1
