"""The camera's own motion, estimated once a frame for all that ask."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trackers import CMC, CMCConfig

WORKING_HEIGHT = 240  # lines of the frame that the motion is estimated on
APART = 8  # pixels of it between points, so that no single object decides
CORNERS = 200  # points followed: a similarity has four unknowns, and the cost grows with them


class CameraMotion:
    """Stands in the place of the package's `CMC`, shared by the trackers of all families.

    Points are followed by optical flow on a frame shrunk to about 240 lines, whatever its size.

    Args:
        corners: Greatest number of points that the estimate rests on.
    """

    def __init__(self, corners: int = CORNERS) -> None:
        self._corners = corners
        # It says of each dark frame that it finds no points there, which is no fault.
        logging.getLogger("trackers.cmc").setLevel(logging.ERROR)
        self._frame: NDArray[np.uint8] | None = None
        self._estimator: Any = None
        self._motion: NDArray[np.float32] = np.eye(2, 3, dtype=np.float32)

    def estimate(self, frame_bgr: NDArray[np.uint8], dets_xyxy: Any = None) -> NDArray[np.float32]:
        """Return the (2, 3) affine transform from the frame before to this one, in its pixels.

        Args:
            frame_bgr: (height, width, 3) uint8 BGR.
            dets_xyxy: Boxes, which are not used; the package's trackers give them.
        """
        if frame_bgr is not self._frame:
            if self._frame is None or frame_bgr.shape != self._frame.shape:
                shrink = max(1, round(frame_bgr.shape[0] / WORKING_HEIGHT))
                self._estimator = CMC(
                    CMCConfig(
                        "sparseOptFlow",
                        shrink,
                        sof_max_corners=self._corners,
                        sof_min_distance=APART,
                    )
                )
            self._motion = np.asarray(self._estimator.estimate(frame_bgr, dets_xyxy), np.float32)
            self._frame = frame_bgr
        return self._motion

    def reset(self) -> None:
        """Forget the frames seen."""
        self._frame, self._estimator = None, None
