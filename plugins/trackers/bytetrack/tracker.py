"""ByteTrack by the `trackers` package.

Paper: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", 2022,
arXiv 2110.06864.
"""

from __future__ import annotations

from trackers import ByteTrackTracker

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.video.association import SCORE_FLOOR, TrackedClasses, associate


class ByteTrack:
    """Associates by overlap and a Kalman filter.

    Args:
        lost_frames: frames after which an unseen object is forgotten.
        confirm_frames: successive frames until an object gets an identity.
    """

    def __init__(self, lost_frames: int = 30, confirm_frames: int = 2) -> None:
        self._tracker = ByteTrackTracker(
            lost_track_buffer=lost_frames,
            minimum_consecutive_frames=confirm_frames,
            track_activation_threshold=SCORE_FLOOR,
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
