"""What is known of a stream before its first frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream before its first frame.

    Attributes:
        name: file name, folder name or address.
        classes: Class names in the order of the labels when the run began; each frame's detections
            hold those of that frame, which are others after a bank was set.
        frame_size: height and width in pixels.
        fps: frames a second, nominal.
        n_frames: number of frames, or None if unknown or endless.
        live: frames arrive at their own pace and may be dropped.
    """

    name: str
    classes: tuple[str, ...]
    frame_size: tuple[int, int]
    fps: float
    n_frames: int | None = None
    live: bool = False
