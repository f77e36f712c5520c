"""OC-SORT by the `trackers` package.

Paper: Cao, Pang, Weng, Khirodkar, Kitani, "Observation-Centric SORT: Rethinking SORT for Robust
Multi-Object Tracking", 2022, arXiv 2203.14360.
"""

from __future__ import annotations

from functools import partial

from trackers import OCSORTTracker

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.plugins.tracker.association import SCORE_FLOOR, Association


class OcSort(Association):
    """Associates by overlap, a Kalman filter, and the direction in which objects were seen to move.

    Args:
        lost_frames: Number of frames after which an unseen object is forgotten.
        confirm_frames: Number of successive frames until an object gets an identity.
        context: Context of the run: objects of two families are never one. Without families, any
            may be.
    """

    def __init__(
        self,
        lost_frames: int = 30,
        confirm_frames: int = 2,
        context: RunContext = NO_RUN,
    ) -> None:
        make = partial(
            OCSORTTracker,
            lost_track_buffer=lost_frames,
            minimum_consecutive_frames=confirm_frames,
            high_conf_det_threshold=SCORE_FLOOR,
        )
        super().__init__(make, context)
