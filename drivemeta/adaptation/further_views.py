"""Objects that are annotated in several frames: one shot each, of which there are further views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.data.support import SupportSet


@dataclass(frozen=True, eq=False)
class FurtherViews:
    """Boxes that show the objects of shots in other frames, or again.

    Attributes:
        frames: (k,) int64, the support frame of each, in order.
        shots: (k,) int64, the support box that it is a view of.
        boxes: (k, 4) float32 xyxy in pixels of its frame.
    """

    frames: NDArray[np.int64]
    shots: NDArray[np.int64]
    boxes: FloatArray

    def __len__(self) -> int:
        return len(self.frames)

    def of_frame(self, frame: int) -> FloatArray:
        """Return the (n, 4) boxes of a frame."""
        boxes: FloatArray = self.boxes[self.frames == frame]
        return boxes


def further_views(support: SupportSet) -> FurtherViews:
    """Return the boxes that are to be ignored as shots, being views of objects that others show."""
    shots: dict[tuple[int, int], int] = {}  # by object and class
    n_shots, found = 0, []
    for image in support.images:
        for row in np.flatnonzero(~image.ignore):
            shots.setdefault((int(image.objects[row]), int(image.labels[row])), n_shots)
            n_shots += 1
    for frame, image in enumerate(support.images):
        for row in np.flatnonzero(image.ignore & (image.objects >= 0)):
            shot = shots.get((int(image.objects[row]), int(image.labels[row])))
            if shot is not None:
                found.append((frame, shot, image.boxes[row]))
    return FurtherViews(
        np.array([frame for frame, _, _ in found], np.int64),
        np.array([shot for _, shot, _ in found], np.int64),
        np.array([box for _, _, box in found], np.float32).reshape(-1, 4),
    )
