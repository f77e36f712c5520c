"""Running a detector over a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import read_image

# Thresholds are for operation; cutting candidates early costs average precision.
EVALUATION_SCORE = 0.001
_BATCH = 4


class Detector(Protocol):
    """What is evaluated; `OnnxDetector` is one."""

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], min_score: float | None = None
    ) -> list[Detections]:
        """Return what is found in (height, width, 3) uint8 BGR frames."""


def detect_all(
    detector: Detector,
    dataset: Dataset,
    min_score: float | None = EVALUATION_SCORE,
    on_image: Callable[[], object] = lambda: None,
) -> list[Detections]:
    """Return the detections of each image, in order; the next images are read meanwhile.

    Args:
        detector: Detector of a batch of frames.
        dataset: Images.
        min_score: Threshold in place of all others; None keeps them.
        on_image: Function called once for each image done.

    Raises:
        AnnotationError: an image cannot be read.
    """
    found: list[Detections] = []
    for frames in _batches([image.path for image in dataset.images]):
        found += detector(frames, min_score)
        for _ in frames:
            on_image()
    return found


def _batches(paths: list[Path]) -> Iterator[list[NDArray[np.uint8]]]:
    groups = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead = [reader.submit(_read, group) for group in groups[:1]]
        for group in [*groups[1:], []]:
            frames = ahead.pop().result() if ahead else []
            ahead.append(reader.submit(_read, group))
            if frames:
                yield frames


def _read(paths: list[Path]) -> list[NDArray[np.uint8]]:
    return [read_image(path) for path in paths]
