"""Images of annotated data in memory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import AnnotationError


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return a (height, width, 3) uint8 BGR image.

    Raises:
        AnnotationError: the file is missing or no image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise AnnotationError(f"{path}: expected an image, cannot read it")
    return np.asarray(image, np.uint8)
