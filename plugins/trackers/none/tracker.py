"""Detections as they are."""

from __future__ import annotations

from drivemeta.core import Detections, Frame, Tracks


class Untracked:
    """Gives no identities."""

    def update(self, detections: Detections, frame: Frame) -> Tracks:  # noqa: ARG002
        """Return the detections without identities."""
        return Tracks.untracked(detections)

    def reset(self) -> None:
        """Nothing is remembered."""
