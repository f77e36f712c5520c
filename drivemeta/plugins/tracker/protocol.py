"""What a tracker plugin must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from drivemeta.core import Detections, Frame, Tracks


class Tracker(Protocol):
    """Gives the objects of successive frames their identities."""

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Take one frame's detections, in order, and return them with identities."""

    def reset(self) -> None:
        """Forget everything, as before the first frame."""
