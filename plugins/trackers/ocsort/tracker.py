"""OC-SORT by the `trackers` package.

Paper: Cao, Pang, Weng, Khirodkar, Kitani, "Observation-Centric SORT: Rethinking SORT for Robust
Multi-Object Tracking", 2022, arXiv 2203.14360.
"""

from __future__ import annotations

from trackers import OCSORTTracker

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.video.association import SCORE_FLOOR, TrackedClasses, associate


class OcSort:
    """Associates by overlap, a Kalman filter, and the direction in which objects were seen to move.

    Args:
        lost_frames: frames after which an unseen object is forgotten.
        confirm_frames: successive frames until an object gets an identity.
    """

    def __init__(self, lost_frames: int = 30, confirm_frames: int = 2) -> None:
        self._tracker = OCSORTTracker(
            lost_track_buffer=lost_frames,
            minimum_consecutive_frames=confirm_frames,
            high_conf_det_threshold=SCORE_FLOOR,
        )
        self._classes = TrackedClasses()

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Give one frame's detections their identities."""
        tracks = associate(
            lambda found: self._tracker.update(found, timestamp=frame.time_s), detections
        )
        return self._classes.vote(tracks)

    def reset(self) -> None:
        """Forget everything."""
        self._tracker.reset()
        self._classes = TrackedClasses()
