"""Real videos of a coloured box, and a real detector of such boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, count
from pathlib import Path

import av
import cv2
import numpy as np

from drivemeta.core import Detections

CLASSES = ("vehicle", "sign")


COLOURS = ((40, 40, 230), (230, 60, 40))  # BGR, of the classes


def draw_frame(index: int, size: tuple[int, int]) -> np.ndarray:
    """Return a frame: a red box that moves right, a blue one that stands, on textured grey."""
    height, width = size
    ground = np.random.default_rng(0).integers(90, 150, (height, width), np.uint8)
    image = cv2.cvtColor(cv2.GaussianBlur(ground, (0, 0), 2), cv2.COLOR_GRAY2BGR)
    left = width // 10 + 2 * index
    cv2.rectangle(image, (left, height // 2), (left + 23, height // 2 + 19), COLOURS[0], -1)
    cv2.rectangle(image, (width - 40, 10), (width - 21, 29), COLOURS[1], -1)
    return image


def find_boxes(frames: Sequence[np.ndarray]) -> list[Detections]:
    """Detect the boxes by their colour, one a class and frame."""
    results = []
    for frame in frames:
        boxes, labels = [], []
        for label, colour in enumerate(COLOURS):
            near = [tuple(value + way for value in colour) for way in (-59, 59)]
            x, y, width, height = cv2.boundingRect(cv2.inRange(frame, *near))
            if width * height >= 100:
                boxes.append((x, y, x + width, y + height))
                labels.append(label)
        n = len(boxes)
        results.append(
            Detections(
                np.array(boxes, np.float32).reshape(n, 4),
                np.full(n, 0.9, np.float32),
                np.array(labels, np.int64),
                CLASSES,
            )
        )
    return results


def encode_video(
    path: Path,
    images: Iterable[np.ndarray],
    times_ms: Iterable[int] | None = None,
    fps: int = 10,
    **encoder: object,
) -> Path:
    """Write BGR images as a video.

    Args:
        path: Where to write it; the ending chooses the container.
        images: The frames.
        times_ms: When each is shown, in milliseconds; evenly by default.
        fps: Frames a second.
        encoder: Its `codec` and `options`; H.264, written fast, by default.
    """
    given = {"codec": "libx264", "options": {"preset": "ultrafast"}} | encoder
    frames = iter(images)
    first = next(frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(given["codec"], rate=fps, options=given["options"])
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        shown = zip(chain([first], frames), times_ms or count(0, 1000 // fps), strict=False)
        for image, time_ms in shown:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def moving(image: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield an image that moves right by a pixel a frame."""
    return (np.roll(image, i, 1) for i in range(n))


def read_video(path: Path) -> list[tuple[float, np.ndarray]]:
    """Return the time in seconds and the BGR image of each frame."""
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]


def write_greys(path: Path, n_frames: int = 12) -> Path:
    """Write a video whose frames are of different grey."""
    greys = (np.full((64, 96, 3), 20 * i, np.uint8) for i in range(n_frames))
    return encode_video(path, greys, codec="mpeg4")
