"""The map between a frame and the network's input: one scale, the image in the top left corner.

Padding goes to the right and the bottom only, so a box is moved by a single factor and no offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivemeta.core.boxes import FloatArray

GREY = 114  # of the padding, in each channel of 0..255


@dataclass(frozen=True)
class Letterbox:
    """How a frame of any size is fitted into an input of fixed size, keeping its aspect.

    Attributes:
        scale: Input pixels per frame pixel, the same along both axes.
        height: Height in pixels of the resized frame inside the input.
        width: Width in pixels of the resized frame inside the input.

    >>> Letterbox.fit(frame_hw=(720, 1280), input_hw=(384, 640))
    Letterbox(scale=0.5, height=360, width=640)
    """

    scale: float
    height: int
    width: int

    @classmethod
    def fit(cls, frame_hw: tuple[int, int], input_hw: tuple[int, int]) -> Letterbox:
        """Return the largest scale at which the frame fits; heights and widths in pixels."""
        scale = min(input_hw[0] / frame_hw[0], input_hw[1] / frame_hw[1])
        # In integers, so that every implementation rounds halves alike: the exported graph does.
        by_width = frame_hw[0] * input_hw[1] <= frame_hw[1] * input_hw[0]
        above, below = (input_hw[1], frame_hw[1]) if by_width else (input_hw[0], frame_hw[0])
        height = min(input_hw[0], max(1, (2 * frame_hw[0] * above + below) // (2 * below)))
        width = min(input_hw[1], max(1, (2 * frame_hw[1] * above + below) // (2 * below)))
        return cls(scale, height, width)

    def to_input(self, boxes: FloatArray) -> FloatArray:
        """Map (n, 4) boxes of either layout from frame pixels to input pixels."""
        return (boxes * self.scale).astype(np.float32)

    def to_frame(self, boxes: FloatArray) -> FloatArray:
        """Map (n, 4) boxes of either layout from input pixels to frame pixels."""
        return (boxes / self.scale).astype(np.float32)
