"""What is known of a stream before its first frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream before its first frame.

    Attributes:
        name: File name, folder name or address.
        classes: Class names in the order of the labels when the run began; each frame's detections
            hold those of that frame, which are others after a bank was set.
        frame_size: Height and width in pixels.
        fps: Frames a second, nominal.
        n_frames: Number of frames, or None if unknown or endless.
        live: Whether frames arrive at their own pace and may be dropped.
    """

    name: str
    classes: tuple[str, ...]
    frame_size: tuple[int, int]
    fps: float
    n_frames: int | None = None
    live: bool = False
