"""From what a user decided to a support set: annotated frames, and what was rejected."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drivemeta.core.pictures import read_header
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.support import SupportSet
from drivemeta.errors import VideoError
from drivemeta.files import atomic_path
from drivemeta.teach.clips import Image
from drivemeta.teach.state import Box, State, Xyxy

GREY = 128
ROOM = 1.5  # shown round a rejected box, in its sides, on each side
LEAST_ROOM_PX = 24.0
# As small as by a choice of filters, which takes twice the time.
QUICKLY = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)


def support_of(state: State, pictures: dict[tuple[str, int], Path]) -> SupportSet | None:
    """Return the boxes of a state as a support set, None where there are none.

    Args:
        state: State.
        pictures: File of each frame that has a box.

    Raises:
        AnnotationError: the boxes are odd, see `SupportSet.of`.
    """
    if not state.boxes:
        return None
    taught = tuple(name for name in state.classes if any(b.name == name for b in state.boxes))
    images = []
    for place in dict.fromkeys((box.clip, box.frame) for box in state.boxes):
        own = [box for box in state.boxes if (box.clip, box.frame) == place]
        images.append(_annotated(pictures[place], own, taught))
    return SupportSet.of(Dataset(tuple(images), taught, source=Path("the boxes of this project")))


def _annotated(path: Path, boxes: list[Box], classes: tuple[str, ...]) -> AnnotatedImage:
    return AnnotatedImage(
        path=path,
        size=read_header(path).size,
        boxes=np.array([box.xyxy for box in boxes], np.float32),
        labels=np.array([classes.index(box.name) for box in boxes], np.int64),
        ignore=np.zeros(len(boxes), np.bool_),
        entries=tuple(f"box {box.id}" for box in boxes),
        objects=np.array([box.object for box in boxes], np.int64),
    )


@dataclass(frozen=True)
class RejectedFrame:
    """The rejected places of one frame, and what is annotated in it."""

    clip: str
    frame: int
    rejected: tuple[Xyxy, ...]
    annotated: tuple[Xyxy, ...]

    @property
    def file_name(self) -> str:
        """Name of its picture, which differs where the places do."""
        places = repr((self.rejected, self.annotated))
        digest = hashlib.sha256(places.encode()).hexdigest()[:12]
        return f"{self.clip}_{self.frame:06d}_{digest}.png"


def rejected_by_frame(state: State) -> list[RejectedFrame]:
    """Return what was rejected of the classes that have boxes, by frame."""
    taught = {box.name for box in state.boxes}
    places = dict.fromkeys((n.clip, n.frame) for n in state.rejected if n.name in taught)
    return [
        RejectedFrame(
            *place,
            tuple(n.xyxy for n in state.rejected if (n.clip, n.frame) == place),
            tuple(b.xyxy for b in state.boxes if (b.clip, b.frame) == place),
        )
        for place in places
    ]


def negative_of(image: Image, no: RejectedFrame) -> Image:
    """Return a frame that shows rejected boxes and their surroundings alone, the rest in grey.

    What the rest of the frame holds is not known: it may well show the class. What is annotated is
    grey, too.
    """
    shown = np.full_like(image, GREY)
    for place in no.rejected:
        part = _around(place, ROOM, LEAST_ROOM_PX)
        shown[part] = image[part]
    for place in no.annotated:
        shown[_around(place, 0, 0)] = GREY
    return shown


def _around(place: Xyxy, room: float, least_px: float) -> tuple[slice, slice]:
    left, top, right, bottom = place
    x, y = max((right - left) * room, least_px), max((bottom - top) * room, least_px)
    return (
        slice(max(int(top - y), 0), math.ceil(bottom + y)),
        slice(max(int(left - x), 0), math.ceil(right + x)),
    )


def write_picture(path: Path, image: Image) -> Path:
    """Write a (height, width, 3) uint8 BGR picture as PNG, whole or not at all.

    Raises:
        VideoError: it cannot be encoded.
        OutputError: the file cannot be written.
    """
    done, data = cv2.imencode(".png", image, QUICKLY)
    if not done:
        raise VideoError(f"cannot encode {path.name}: expected an image, found {image.shape}")
    with atomic_path(path) as partial:
        partial.write_bytes(data.tobytes())
    return path
