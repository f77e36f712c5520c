"""One image of a stream and where it stands in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Message:
    """The message of a recording that a frame came in; times in nanoseconds since 1970.

    Attributes:
        topic: Topic of the message.
        stamp_ns: Time that its header states, when the picture was taken.
        frame_id: Coordinate frame that its header states, such as `camera_front`.
        logged_ns: Time at which it was recorded.
    """

    topic: str
    stamp_ns: int
    frame_id: str
    logged_ns: int


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a stream.

    Attributes:
        image: (height, width, 3) uint8, BGR, as OpenCV and the decoders give it.
        index: Position in the stream, counted from 0.
        time_s: Presentation time in seconds since the stream's start.
        pts: Container's presentation time stamp in its own time base, if it has one.
        name: File name of a single image, else an empty string.
        message: Message that it came in, where the source is a recording.

    Raises:
        ValueError: the image is not (height, width, 3) uint8, or the index is negative.
    """

    image: NDArray[np.uint8]
    index: int = 0
    time_s: float = 0.0
    pts: int | None = None
    name: str = ""
    message: Message | None = None

    def __post_init__(self) -> None:
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(
                f"a frame's image must be (height, width, 3) uint8 BGR, "
                f"found {image.shape} {image.dtype}"
            )
        if self.index < 0:
            raise ValueError(f"a frame's index must be 0 or more, found {self.index}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]
