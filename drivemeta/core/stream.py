"""What is known of a stream before its first frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class PictureTags:
    """How pixels are meant to be shown; the colours are code points of ITU-T H.273.

    Attributes:
        pixel_aspect: Width of a pixel by its height.
        primaries: Colour primaries; 2 is unspecified.
        transfer: Transfer characteristics; 2 is unspecified.
        matrix: Coefficients between YCbCr and RGB; 2 is unspecified.
        is_full_range: Whether YCbCr uses all values; None if that is not said.
    """

    pixel_aspect: Fraction = Fraction(1)
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    is_full_range: bool | None = None


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
        tags: How the pixels of the source are meant to be shown.
    """

    name: str
    classes: tuple[str, ...]
    frame_size: tuple[int, int]
    fps: float
    n_frames: int | None = None
    live: bool = False
    tags: PictureTags = field(default_factory=PictureTags)
