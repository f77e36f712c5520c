"""BoT-SORT by the `trackers` package, without appearance features.

Paper: Aharon, Orfaig, Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", 2022,
arXiv 2206.14651.
"""

from __future__ import annotations

from trackers import BoTSORTTracker

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.video.association import SCORE_FLOOR, TrackedClasses, associate


class BotSort:
    """Associates by overlap and a Kalman filter, after the camera's motion is compensated.

    Args:
        lost_frames: frames after which an unseen object is forgotten.
        confirm_frames: successive frames until an object gets an identity.
        downscale: the factor by which frames are shrunk to estimate the camera's motion.
    """

    def __init__(self, lost_frames: int = 30, confirm_frames: int = 2, downscale: int = 3) -> None:
        self._tracker = BoTSORTTracker(
            lost_track_buffer=lost_frames,
            minimum_consecutive_frames=confirm_frames,
            track_activation_threshold=SCORE_FLOOR,
            high_conf_det_threshold=SCORE_FLOOR,
            cmc_downscale=downscale,
            instant_first_frame_activation=False,
        )
        self._classes = TrackedClasses()

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Give one frame's detections their identities."""
        tracks = associate(
            lambda found: self._tracker.update(found, frame.image, timestamp=frame.time_s),
            detections,
        )
        return self._classes.vote(tracks)

    def reset(self) -> None:
        """Forget everything."""
        self._tracker.reset()
        self._classes = TrackedClasses()
