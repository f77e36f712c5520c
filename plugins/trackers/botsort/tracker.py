"""BoT-SORT by the `trackers` package, without appearance features.

Paper: Aharon, Orfaig, Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", 2022,
arXiv 2206.14651.
"""

from __future__ import annotations

from trackers import BoTSORTTracker

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.plugins.tracker.association import SCORE_FLOOR, Association
from drivemeta.plugins.tracker.camera_motion import CORNERS, CameraMotion


class BotSort(Association):
    """Associates by overlap and a Kalman filter, after the camera's motion is compensated.

    Args:
        lost_frames: Number of frames after which an unseen object is forgotten.
        confirm_frames: Number of successive frames until an object gets an identity.
        corners: Greatest number of points that the camera's motion is estimated from.
        context: Context of the run: objects of two families are never one. Without families, any
            may be.
    """

    def __init__(
        self,
        lost_frames: int = 30,
        confirm_frames: int = 2,
        corners: int = CORNERS,
        context: RunContext = NO_RUN,
    ) -> None:
        self._camera = CameraMotion(corners)

        def make() -> BoTSORTTracker:
            tracker = BoTSORTTracker(
                lost_track_buffer=lost_frames,
                minimum_consecutive_frames=confirm_frames,
                high_conf_det_threshold=SCORE_FLOOR,
                track_activation_threshold=SCORE_FLOOR,
                instant_first_frame_activation=False,
            )
            tracker.cmc = self._camera
            return tracker

        super().__init__(make, context, looks=True)

    def reset(self) -> None:
        """Forget everything."""
        self._camera.reset()
        super().reset()
