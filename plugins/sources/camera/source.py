"""Cameras of this machine, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import VideoError
from drivemeta.plugins.source.protocol import SourceCounts

DEFAULT_FPS = 30.0


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing to standard error."""
    log = cv2.utils.logging
    before = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)


class CameraSource:
    """Reads a camera; times are those of arrival, counted from the first frame.

    Args:
        device: Number of the camera, 0 for the first, also as text, or its path such as
            `/dev/video0`.
        width: Requested width in pixels; the camera may give another.
        height: Requested height in pixels.
        fps: Requested frames a second.

    Raises:
        VideoError: there is no such camera, or it gives no picture.
    """

    def __init__(
        self,
        device: int | str = 0,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
    ) -> None:
        self._name, self._closed, self._reading = f"camera {device}", False, False
        if str(device).startswith("/") and not Path(str(device)).exists():
            raise VideoError(f"expected a camera, found none: {device}")
        with _quiet():  # what is wrong is told below
            self._camera = cv2.VideoCapture(int(device) if str(device).isdigit() else device)
        asked = {
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: fps,
        }
        for key, value in asked.items():
            if value is not None:
                self._camera.set(key, value)
        if not self._camera.isOpened():
            raise VideoError(f"expected a camera, found none: {device}")

    def info(self) -> StreamInfo:
        """Describe the camera as its driver does."""
        height = int(self._camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
        width = int(self._camera.get(cv2.CAP_PROP_FRAME_WIDTH))
        fps = self._camera.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS
        return StreamInfo(self._name, (), (height, width), fps, None, live=True)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames until the camera gives none.

        Raises:
            VideoError: it gives not even one.
        """
        index, started, last_s = 0, time.monotonic(), -1.0
        self._reading = True
        try:
            while not self._closed:
                there, image = self._camera.read()
                if not there:
                    break
                started = started if index else time.monotonic()
                last_s = max(time.monotonic() - started, last_s + 1e-4)
                yield Frame(np.asarray(image, np.uint8), index, last_s)
                index += 1
        finally:
            self._reading = False
            if self._closed:
                self._camera.release()
        if index == 0 and not self._closed:
            raise VideoError(f"{self._name} gives no picture")

    def counts(self) -> SourceCounts:
        """Nothing is counted."""
        return SourceCounts()

    def close(self) -> None:
        """Release the camera; the thread that reads it, if any, does so when it sees."""
        self._closed = True
        if not self._reading:
            self._camera.release()
