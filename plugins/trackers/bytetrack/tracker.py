"""ByteTrack by the `trackers` package.

Paper: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", 2022,
arXiv 2110.06864.
"""

from __future__ import annotations

from functools import partial

from trackers import ByteTrackTracker

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.plugins.tracker.association import SCORE_FLOOR, Association


class ByteTrack(Association):
    """Associates by overlap and a Kalman filter.

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
            ByteTrackTracker,
            lost_track_buffer=lost_frames,
            minimum_consecutive_frames=confirm_frames,
            high_conf_det_threshold=SCORE_FLOOR,
            track_activation_threshold=SCORE_FLOOR,
        )
        super().__init__(make, context)
