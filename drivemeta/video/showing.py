"""A frame with what was found in it, for a notebook or a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.errors import InputError
from drivemeta.files import write_bytes
from drivemeta.plugins.sink.render import LABEL_PARTS, draw


@dataclass(frozen=True, eq=False, repr=False)
class DrawnFrame:
    """A picture that notebooks show.

    Attributes:
        image: (height, width, 3) uint8 BGR.
    """

    image: NDArray[np.uint8]

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Picture of {width}x{height} pixels"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.image)[1].tobytes()

    def save(self, path: str | Path) -> Path:
        """Write it as a file of the suffix's format, such as PNG or JPEG.

        Raises:
            InputError: there is no such format.
            OutputError: it cannot be written.
        """
        suffix = Path(path).suffix
        if not cv2.haveImageWriter(f"picture{suffix or '.none'}"):
            raise InputError(f"expected a name such as picture.png, found {str(path)!r}")
        return write_bytes(path, cv2.imencode(suffix, self.image)[1].tobytes())


def show(
    frame: Frame | NDArray[np.uint8],
    found: Detections | Tracks,
    labels: Collection[str] = LABEL_PARTS,
) -> DrawnFrame:
    """Return a frame with boxes, names, scores and identities drawn on it.

    Args:
        frame: Frame of a source, or a (height, width, 3) uint8 BGR image.
        found: What a detector, or `dm.process`, found in it.
        labels: What labels say, some of `name`, `score` and `id`.
    """
    image = frame.image if isinstance(frame, Frame) else frame
    tracks = found if isinstance(found, Tracks) else Tracks.untracked(found)
    return DrawnFrame(draw(image, tracks, labels))
