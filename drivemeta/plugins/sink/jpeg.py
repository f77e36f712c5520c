"""Frames as JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import OutputError


def encoded_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """Return a BGR image as a JPEG of a quality from 1 to 100.

    Raises:
        OutputError: it cannot be encoded.
    """
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise OutputError(f"cannot encode {image.shape[1]}x{image.shape[0]} pixels as JPEG")
    return data.tobytes()
