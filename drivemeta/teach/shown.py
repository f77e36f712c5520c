"""Pictures as the page shows them: small ones, crops, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from drivemeta.errors import InputError
from drivemeta.teach.clips import Image
from drivemeta.teach.state import Xyxy

CROP_CONTEXT, CROP_PX, LEAST_CROP_PX = 1.6, 160, 16.0
QUALITY = 88


def preview(image: Image, most_px: int) -> Image:
    """Return a picture made smaller, so that its longer side is at most so many pixels."""
    scale = most_px / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def square_crop(image: Image, box: Xyxy) -> Image:
    """Return a box with its surroundings as a square picture; beyond the frame it is repeated.

    Raises:
        InputError: the box lies outside the frame, or is none.
    """
    left, top, right, bottom = box
    height, width = image.shape[:2]
    if not (0 <= left < right <= width + 1 and 0 <= top < bottom <= height + 1):
        raise InputError(f"expected a box inside the frame of {width}x{height}, found {list(box)}")
    side = max(right - left, bottom - top, LEAST_CROP_PX) * CROP_CONTEXT
    centre = ((left + right) / 2, (top + bottom) / 2)
    size = (min(max(round(side), 1), width), min(max(round(side), 1), height))
    patch = cv2.getRectSubPix(image, (max(size), max(size)), centre)
    return np.asarray(cv2.resize(patch, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA), np.uint8)


def jpeg(image: Image) -> bytes:
    """Return a (height, width, 3) uint8 BGR picture as a JPEG file."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise InputError(f"cannot encode a picture of {image.shape}")
    return bytes(data.tobytes())
